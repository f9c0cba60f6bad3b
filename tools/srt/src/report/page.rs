//! The frame of the page: one file, no scripts, nothing fetched.

/// Text that stands for itself in HTML, attributes included.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A whole page. The policy keeps browsers from fetching or running anything, whatever is in `body`;
/// `style` goes along with the page's own.
pub(super) fn page(title: &str, style: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>{STYLE}{style}</style>\n</head>\n<body>\n<main>\n{body}</main>\n</body>\n</html>\n"
    )
}

/// A section with a heading and a line of explanation.
pub(super) fn section(title: &str, note: &str, content: &str) -> String {
    format!(
        "<section><h3>{}</h3><p class=\"note\">{}</p>{content}</section>\n",
        escape(title),
        escape(note)
    )
}

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#22242b;--soft:#656a78;--line:#d9dce4;--back:#fff;--card:#f6f7fa}
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ee;--soft:#a0a6b4;--line:#3a3f4b;--back:#15171c;--card:#1e2128}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}
main{max-width:1120px;margin:0 auto;padding:20px 16px 48px}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:40px 0 4px;padding-top:16px;border-top:1px solid var(--line);overflow-wrap:anywhere}
h3{font-size:1rem;margin:0 0 2px}
.sub,.note{color:var(--soft);margin:0 0 12px}
.note{font-size:.875rem}
.grid2{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:16px;margin:16px 0}
section{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:14px;min-width:0}
section.wide{grid-column:1/-1}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem;width:100%}
th,td{text-align:right;padding:5px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--soft);font-weight:600}
.three{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,250px),1fr));gap:14px}
figure{margin:0;min-width:0}
figure img{width:100%;height:auto;display:block;image-rendering:pixelated;border:1px solid var(--line)}
figcaption{font-size:.875rem;margin-bottom:4px}
.bar{height:18px;border:1px solid var(--line);margin-top:6px}
.ends{display:flex;justify-content:space-between;gap:8px;overflow-wrap:anywhere;font-size:.8rem;color:var(--soft);font-variant-numeric:tabular-nums}
.chart,.map{width:100%;height:auto;display:block}
.map{max-width:460px;margin:0 auto}
.chart text{font-family:inherit}
@media(max-width:520px){.chart text{font-size:13.5px}}
.key{display:flex;flex-wrap:wrap;gap:4px 14px;font-size:.85rem;margin-top:8px}
.key i{display:inline-block;width:12px;height:12px;margin-right:5px;border:1px solid var(--line);vertical-align:-1px}
.key i.line{width:24px;height:0;border:0;vertical-align:4px}
.none{color:var(--soft);margin:0}
footer{margin-top:32px;color:var(--soft);font-size:.85rem}
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_place() {
        let page = page(
            "<script>alert('1')</script>",
            "",
            &section("a & b", "\"n\"", "<p>c</p>"),
        );
        assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(&#39;1&#39;)"));
        assert!(page.contains("a &amp; b") && page.contains("&quot;n&quot;"));
        assert!(!page.contains("http://") && !page.contains("https://"));
    }
}
