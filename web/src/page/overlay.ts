/** The picture and, over it, the joints in 2D. */
import { jointColor, type Point } from '../hand/joints';
import type { Picture } from '../images/picture';
import { element } from './dom';

/** Shows a picture in the stage. */
export function showPicture(picture: Picture): void {
  const canvas = element<HTMLCanvasElement>('picture');
  if (canvas.width !== picture.width || canvas.height !== picture.height) {
    canvas.width = picture.width;
    canvas.height = picture.height;
  }
  const context = canvas.getContext('2d')!;
  context.clearRect(0, 0, picture.width, picture.height);
  context.drawImage(picture.shown, 0, 0);
  canvas.setAttribute('aria-label', `Picture ${picture.name}, ${picture.width} by ${picture.height} pixels`);
  const stage = element('stage');
  stage.classList.remove('empty');
  stage.style.setProperty('--aspect', String(picture.width / picture.height));
}

/** Displayed px per px of the picture. */
export function displayScale(): number {
  const canvas = element<HTMLCanvasElement>('picture');
  return canvas.getBoundingClientRect().width / canvas.width;
}

/**
 * Draws a hand over the picture.
 *
 * @param joints (J, 2), px of the picture; empty to clear.
 * @param bones Pairs of joints.
 */
export function drawHand(joints: Point[], bones: [number, number][]): void {
  const overlay = element<HTMLCanvasElement>('overlay');
  const shown = overlay.getBoundingClientRect();
  const dense = devicePixelRatio;
  overlay.width = Math.round(shown.width * dense);
  overlay.height = Math.round(shown.height * dense);
  const context = overlay.getContext('2d')!;
  const scale = displayScale() * dense;
  const points = joints.map((joint) => joint.map((value) => (value + 0.5) * scale) as [number, number]);
  const thick = Math.max(2, Math.min(shown.width, shown.height) / 130) * dense;
  context.lineCap = 'round';
  const line = (from: number, to: number, width: number, color: string): void => {
    context.beginPath();
    context.moveTo(...points[from]!);
    context.lineTo(...points[to]!);
    context.lineWidth = width;
    context.strokeStyle = color;
    context.stroke();
  };
  const dot = (joint: number, radius: number, color: string): void => {
    context.beginPath();
    context.arc(...points[joint]!, radius, 0, 2 * Math.PI);
    context.fillStyle = color;
    context.fill();
  };
  if (points.length === 0) return;
  for (const [from, to] of bones) line(from, to, thick * 1.8, '#ffffffcc'); // a rim, to be seen on any picture
  points.forEach((_, joint) => dot(joint, thick * 1.6, '#ffffffcc'));
  for (const [from, to] of bones) line(from, to, thick, jointColor(to));
  points.forEach((_, joint) => dot(joint, thick * 1.2, jointColor(joint)));
}
