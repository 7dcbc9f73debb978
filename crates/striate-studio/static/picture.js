// How pictures travel to the server (Picture in src/labs/control.rs).

/** `WIDTHxHEIGHT:BASE64` of an ImageData, as grey. */
export function greyText({ width, height, data }) {
  const letters = new Array(width * height);
  for (let i = 0; i < letters.length; i += 1) {
    const grey = 0.299 * data[4 * i] + 0.587 * data[4 * i + 1] + 0.114 * data[4 * i + 2];
    letters[i] = String.fromCharCode(Math.round(grey));
  }
  return `${width}x${height}:${btoa(letters.join(""))}`;
}
