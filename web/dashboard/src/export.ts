/**
 * Exports charts and data as files. The page creates the files itself, so no data leaves the machine.
 * @module
 */

/** Makes the browser download a file. */
function save(name: string, content: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

export function saveSvg(name: string, svg: string): void {
  save(`${name}.svg`, new Blob([svg], { type: 'image/svg+xml' }));
}

export function saveCsv(name: string, csv: string): void {
  save(`${name}.csv`, new Blob([csv], { type: 'text/csv' }));
}

/** Maximum canvas width that all browsers support, pixels. */
const MAX_CANVAS_WIDTH = 16_000;

/** Saves an SVG as a PNG of twice its size, or smaller if twice the size is too wide for a canvas. */
export async function savePng(name: string, svg: string): Promise<void> {
  const address = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const scale = Math.min(2, MAX_CANVAS_WIDTH / image.naturalWidth);
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(image.naturalWidth * scale);
    canvas.height = Math.round(image.naturalHeight * scale);
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (blob !== null) save(`${name}.png`, blob);
  } finally {
    URL.revokeObjectURL(address);
  }
}
