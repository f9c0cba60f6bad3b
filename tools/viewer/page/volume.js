// A field as a texture in space, and rays through it (WebGL2).

import { colourTable } from './colour.js';
import { FRAGMENT, VERTEX } from './shaders.js';

function program(gl) {
  const made = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(made, shader);
  }
  gl.linkProgram(made);
  if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
  return made;
}

/** Draws on a canvas; throws where the browser has no WebGL2. */
export class VolumeRenderer {
  constructor(canvas) {
    const gl = canvas.getContext('webgl2', { antialias: false, alpha: true, premultipliedAlpha: true, preserveDrawingBuffer: true });
    if (!gl) throw new Error('This browser has no WebGL2.');
    this.gl = gl;
    this.canvas = canvas;
    this.program = program(gl);
    this.places = new Map();
    this.field = gl.createTexture();
    this.colours = gl.createTexture();
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.bindAttribLocation(this.program, 0, 'corner');
    gl.linkProgram(this.program);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.largest = gl.getParameter(gl.MAX_3D_TEXTURE_SIZE);
  }

  /** Whether a grid fits. */
  holds(grid) {
    return grid.dims.every((n) => n <= this.largest);
  }

  /** Takes a grid's values, as places between `range`; nothing where it has them. */
  setField(grid, range) {
    const key = `${range}`;
    if (this.grid === grid && this.key === key) return;
    [this.grid, this.key] = [grid, key];
    const [low, high] = range;
    const factor = 1 / (high - low || 1);
    const places = new Float32Array(grid.values.length);
    for (let i = 0; i < places.length; i++) {
      const place = (grid.values[i] - low) * factor;
      // -1 says that there is no value; what goes beyond the range must not come near it.
      places[i] = place === place ? Math.min(Math.max(place, -0.1), 1.1) : -1;
    }
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_3D, this.field);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    const [nz, ny, nx] = grid.dims;
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.R16F, nx, ny, nz, 0, gl.RED, gl.FLOAT, places);
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T, gl.TEXTURE_WRAP_R]) gl.texParameteri(gl.TEXTURE_3D, wrap, gl.CLAMP_TO_EDGE);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_3D, filter, gl.LINEAR);
  }

  setColours(map) {
    if (this.map === map) return;
    this.map = map;
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(colourTable(map)));
    for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, filter, gl.LINEAR);
  }

  #place(name) {
    if (!this.places.has(name)) this.places.set(name, this.gl.getUniformLocation(this.program, name));
    return this.places.get(name);
  }

  /** Shows nothing. */
  clear() {
    [this.canvas.width, this.canvas.height] = [1, 1];
  }

  /** Draws what was set. `view`: turn (columns of a matrix), halfSize, screen, distance; `look`: window, mode, level, density, steps. */
  draw(view, look, pixels) {
    const { gl, canvas } = this;
    if (canvas.width !== pixels[0] || canvas.height !== pixels[1]) [canvas.width, canvas.height] = pixels;
    gl.viewport(0, 0, ...pixels);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(this.program);
    gl.uniform1i(this.#place('field'), 0);
    gl.uniform1i(this.#place('colours'), 1);
    gl.uniformMatrix3fv(this.#place('turn'), false, view.turn);
    gl.uniform3fv(this.#place('half_size'), view.halfSize);
    gl.uniform3fv(this.#place('voxel'), view.halfSize.map((h, i) => (2 * h) / this.grid.dims[2 - i]));
    gl.uniform2fv(this.#place('screen'), view.screen);
    gl.uniform4fv(this.#place('window'), look.window);
    const numbers = { distance_to: view.distance, steps: look.steps, density: look.density, level: look.level, is_diverging: look.isDiverging ? 1 : 0, seed: 0.5 };
    for (const [name, value] of Object.entries(numbers)) gl.uniform1f(this.#place(name), value);
    gl.uniform1i(this.#place('mode'), ['volume', 'largest', 'surface'].indexOf(look.mode));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }
}
