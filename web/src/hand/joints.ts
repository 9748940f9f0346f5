/** Joints in space or in a picture, and what follows from them alone. */

export type Point = number[];

/** The side of a hand. */
export type Side = 'left' | 'right';

/** Number of joints of handkd's hand: the wrist, then thumb to little finger, each from palm to tip. */
export const NUM_JOINTS = 21;

/** Colour of each finger, thumb to little finger, and of the wrist; those of Python's drawings. */
export const FINGER_COLORS = ['#e2572e', '#f0a012', '#3caf5a', '#248cd6', '#a050be'] as const;
export const WRIST_COLOR = '#5a5a5a';

/** Colour of a joint and of the bone that ends at it. */
export function jointColor(joint: number): string {
  return joint === 0 ? WRIST_COLOR : FINGER_COLORS[Math.floor((joint - 1) / 4) % FINGER_COLORS.length]!;
}

export function subtract(a: Point, b: Point): Point {
  return a.map((value, axis) => value - b[axis]!);
}

export function scaled(a: Point, factor: number): Point {
  return a.map((value) => value * factor);
}

function dot(a: Point, b: Point): number {
  return a.reduce((sum, value, axis) => sum + value * b[axis]!, 0);
}

function norm(a: Point): number {
  return Math.sqrt(dot(a, a));
}

function cross(a: Point, b: Point): Point {
  const [ax, ay, az] = a as [number, number, number];
  const [bx, by, bz] = b as [number, number, number];
  return [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
}

/**
 * Estimates the side of a hand from its 3D joints: fingers bend towards the palm.
 *
 * @param joints (21, 3), any unit, camera axes (x right, y down, z forward).
 * @returns The side, and a score from 0 (flat, not determined) to 1.
 */
export function chirality(joints: Point[]): { side: Side; score: number } {
  const at = (joint: number): Point => joints[joint]!;
  const across = cross(subtract(at(17), at(5)), subtract(at(9), at(0)));
  const normal = scaled(across, 1 / (norm(across) + 1e-12));
  let flexion = 0;
  let length = 0;
  for (let base = 5; base < NUM_JOINTS; base += 4) {
    const palm = subtract(at(base), at(0));
    const metacarpal = scaled(palm, 1 / (norm(palm) + 1e-12));
    for (let joint = base; joint < base + 3; joint++) {
      const segment = subtract(at(joint + 1), at(joint));
      flexion += dot(subtract(segment, scaled(metacarpal, dot(segment, metacarpal))), normal);
      length += norm(segment);
    }
  }
  const score = flexion / (length + 1e-12);
  return { side: score > 0 ? 'left' : 'right', score: Math.min(1, Math.abs(score) * 2) };
}

/**
 * Places a hand of known shape in the picture by weak perspective, so that its joints' tight box has a given place.
 *
 * @param joints (21, 3), any unit, camera axes.
 * @param center Centre of the box in px of the picture.
 * @param extent Longer side of the box in px of the picture.
 * @returns (21, 2) in px of the picture.
 */
export function placeInBox(joints: Point[], center: Point, extent: number): Point[] {
  const range = (axis: number): [number, number] => {
    const values = joints.map((joint) => joint[axis]!);
    return [Math.min(...values), Math.max(...values)];
  };
  const [left, right] = range(0);
  const [top, bottom] = range(1);
  const ratio = extent / Math.max(right - left, bottom - top);
  return joints.map(([x, y]) => [
    (x! - (left + right) / 2) * ratio + center[0]!,
    (y! - (top + bottom) / 2) * ratio + center[1]!,
  ]);
}
