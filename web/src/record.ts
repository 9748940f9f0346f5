/** The record of a picture, the same as Python's (docs/inference.md). */
import type { Point, Side } from './hand/joints';
import type { Box } from './images/squares';

/** One hand in a picture. */
export interface HandRecord {
  keypoints: Point[];
  keypoint_scores: number[] | null;
  keypoints_3d: Point[] | null;
  root: string | null;
  unit: 'hand_scale' | 'mm' | null;
  scale_source: 'given' | 'none';
  keypoints_cam: null;
  camera_source: 'none';
  side: Side | null;
  side_source: 'given' | 'estimated' | 'assumed' | null;
  side_score: number | null;
  box: Box;
  box_source: 'given' | 'full';
  box_score: null;
  track: null;
  hand_center: null;
}

/** One picture. */
export interface PictureRecord {
  version: 1;
  file: string;
  frame: null;
  time: null;
  width: number;
  height: number;
  error: null;
  hands: HandRecord[];
}

/** The record of a picture with one hand. */
export function recordOf(file: string, width: number, height: number, hand: HandRecord): PictureRecord {
  return { version: 1, file, frame: null, time: null, width, height, error: null, hands: [hand] };
}

/** One line of JSON, with four decimals as Python's. */
export function toJson(record: PictureRecord): string {
  const rounded = (_: string, value: unknown): unknown =>
    typeof value === 'number' ? Number(value.toFixed(4)) : value;
  return `${JSON.stringify(record, rounded)}\n`;
}
