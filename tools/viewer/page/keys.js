// The keyboard; the page's dialogue `?` lists it.

/** Turns keys into `act`. `state.used` is the view used last: an axis, or 3 for space. */
export function listen(state, act) {
  const keys = {
    '[': () => act.step(planeAxis(), -1),
    ']': () => act.step(planeAxis(), 1),
    '+': () => act.zoomBy(1.4),
    '=': () => act.zoomBy(1.4),
    '-': () => act.zoomBy(1 / 1.4),
    0: () => act.resetZoom(),
    ',': () => act.goTo(state.nth - 1),
    '.': () => act.goTo(state.nth + 1),
    ' ': () => act.play(),
    l: () => act.setLevel(state.wanted + 1),
    L: () => act.setLevel(state.wanted - 1),
    m: () => act.nextMap(),
    a: () => act.autoRange(),
    g: () => act.setLog(!state.scale.isLog),
    v: () => act.nextMode(),
    o: () => act.nextOverlay(),
    e: () => act.setWhat(state.what === 'error' ? 'values' : 'error'),
    c: () => act.toggleCrossHair(),
    d: () => act.theme(),
    s: () => act.picture(),
    '?': () => act.help(),
  };
  for (let view = 0; view < 4; view++) keys[view + 1] = () => act.showAlone(view);
  const planeAxis = () => (state.used < 3 ? state.used : 0);

  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !state.details) return;
    if (event.target.matches('input:not([type=range], [type=checkbox]), select') || document.querySelector('dialog[open]')) return;
    if (event.target.matches('input[type=range]') && event.key.startsWith('Arrow')) return;
    if (event.target.matches('button') && event.key === ' ') return;
    const does = event.key.startsWith('Arrow') ? () => arrow(event) : keys[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });

  function arrow(event) {
    const [right, up] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (state.used === 3) {
      act.turnBy(right * 0.1, -up * 0.1);
      return;
    }
    const [rows, columns] = [0, 1, 2].filter((axis) => axis !== state.used);
    const by = event.shiftKey ? 10 : 1;
    if (right) act.step(columns, right * by);
    if (up) act.step(rows, up * by);
  }
}
