/** What a picture is drawn with. */
export type Context = CanvasRenderingContext2D | OffscreenCanvasRenderingContext2D;

/** What all pictures are put together on, one after the other. */
let _ground: OffscreenCanvas | undefined;

/**
 * Shows what `draw` draws, in CSS pixels. The canvas is handed a finished image: of one that is drawn into, a browser without
 * a GPU makes a copy for each frame of the page, also when another part of it is scrolled.
 */
export function show(
  canvas: HTMLCanvasElement,
  size: { width: number; height: number },
  draw: (context: Context) => void,
): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  // There is no image without a pixel.
  if (width === 0 || height === 0) return;
  _ground ??= new OffscreenCanvas(width, height);
  // Setting them clears it.
  _ground.width = width;
  _ground.height = height;
  const context = _ground.getContext("2d");
  const shown = canvas.getContext("bitmaprenderer");
  if (!context || !shown) return;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  draw(context);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  shown.transferFromImageBitmap(_ground.transferToImageBitmap());
}
