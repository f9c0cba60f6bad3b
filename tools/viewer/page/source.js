// Where fields come from. A source has these functions; the page knows no more of it:
//
//   files()                                   -> [{name, bytes, error} or {name, bytes, dataset}]
//   frame({file, frame})                      -> levels, bound, octree of a frame
//   values({file, frame, level, box, what}, signal) -> Float32Array or Float64Array, x fastest, NaN where there is no value
//
// `box` is [z, y, x, nz, ny, nx] in voxels of the level, null for all of it; `what` is 'values' or 'error'.
// Failures are thrown as Error with a message for the user.

/** The server that `srt view` starts: everything lies beside the page. */
export class ServerSource {
  async files() {
    return (await this.#json('api/files')).files;
  }

  async frame({ file, frame }) {
    return this.#json(`api/frame?file=${file}&frame=${frame}`);
  }

  async values({ file, frame, level, box, what }, signal) {
    const query = new URLSearchParams({ file, frame, level, what });
    // Commas as they are: the server takes numbers and commas alone.
    const within = box ? `&box=${box.join(',')}` : '';
    const answer = await this.#get(`api/values?${query}${within}`, signal);
    const bytes = await answer.arrayBuffer();
    return answer.headers.get('x-srt-type') === 'f64' ? new Float64Array(bytes) : new Float32Array(bytes);
  }

  async #json(path) {
    return (await this.#get(path)).json();
  }

  async #get(path, signal) {
    let answer;
    try {
      answer = await fetch(path, { signal });
    } catch (error) {
      if (error.name === 'AbortError') throw error;
      throw new Error('srt view does not answer: was it ended?');
    }
    if (answer.ok) return answer;
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.error ?? `the server answered ${answer.status}`);
  }
}
