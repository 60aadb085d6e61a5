// Photos in the browser: what is shown of them, and what is sent.

export const CHOSEN = "image/*,.heic,.heif,.avif"; // not every device knows the types of these
export const INLINE_BYTES = 4_500_000; // what the API takes in a request
const SENT_SIDE = 1024; // more than four times what the model looks at
const SHOWN_SIDE = 800;
const QUALITY = 0.9;

/** Whether this device sends smaller photos unless it is told otherwise. */
export function onSlowLink() {
  const link = navigator.connection;
  return Boolean(link && (link.saveData || ["slow-2g", "2g", "3g"].includes(link.effectiveType)));
}

/** A photo to look at, upright, as a blob; null when the browser cannot read it. */
export const preview = (photo) => shrunk(photo, SHOWN_SIDE);

/** The photo as it is sent: smaller if wished, or if it would not fit; as it is where the browser cannot read it. */
export async function toSend(photo, { smaller, mustFit }) {
  if (!smaller && !(mustFit && photo.size > INLINE_BYTES)) return photo;
  const small = await shrunk(photo, SENT_SIDE);
  return small && small.size < photo.size ? small : photo;
}

async function shrunk(photo, side) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(photo); // upright, whatever way the camera was held
  } catch {
    return null;
  }
  const scale = Math.min(1, side / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // behind what is transparent, as the server does it
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", QUALITY));
}
