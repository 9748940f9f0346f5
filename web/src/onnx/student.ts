/** An exported student: crops in, joints out. */
import type { Tensor } from 'onnxruntime-web';

import { messageOf, UserError } from '../errors';
import type { Point } from '../hand/joints';
import { readDescription, type Description } from './metadata';
import { openSession, type Session } from './runtime';

/** What a network predicts for a crop; null where it has no such output. */
export interface Prediction {
  /** (J, 2), px of the crop. */
  keypoints: Point[] | null;
  /** (J), confidence. */
  scores: number[] | null;
  /** (J, 3), in units of the hand's scale, camera axes. */
  xyz: Point[] | null;
}

/** A student in ONNX Runtime. */
export class Student {
  private constructor(
    readonly description: Description,
    private readonly opened: Session,
  ) {}

  /**
   * Loads a student.
   *
   * @param file The ONNX file.
   * @param name Its name, for errors.
   * @throws UserError if the file can't be used.
   */
  static async load(file: Uint8Array, name: string): Promise<Student> {
    const description = readDescription(file, name);
    try {
      const student = new Student(description, await openSession(file));
      await student.predict(new Uint8Array(description.crop.size ** 2 * 3)); // the first run prepares the operators
      return student;
    } catch (error) {
      throw new UserError(`${name}: the network can't be run in this browser: ${messageOf(error)}`);
    }
  }

  /** Where the network runs: 'webgpu' or 'wasm'. */
  get backend(): string {
    return this.opened.backend;
  }

  /**
   * Predicts the joints of one crop.
   *
   * @param crop size x size x 3 values, blue, green, red.
   */
  async predict(crop: Uint8Array): Promise<Prediction> {
    const { outputs } = this.description;
    const results = await this.opened.session.run(this.feeds(crop));
    const read = (name: string, width: number): Point[] | null => {
      const tensor = outputs.includes(name) ? results[name] : undefined;
      return tensor ? rows(tensor, width) : null;
    };
    return {
      keypoints: read('keypoints', 2),
      scores: read('keypoint_scores', 1)?.map(([score]) => score!) ?? null,
      xyz: read('keypoints_xyz', 3),
    };
  }

  private feeds(crop: Uint8Array): Record<string, Tensor> {
    const { Tensor } = this.opened.ort;
    const { size } = this.description.crop;
    const feeds: Record<string, Tensor> = {};
    for (const name of this.description.inputs) {
      if (name === this.description.input) feeds[name] = new Tensor('uint8', crop, [1, size, size, 3]);
      else if (name === 'K') feeds[name] = new Tensor('float32', distantCamera(size), [1, 3, 3]);
      else if (name === 'scale_mm')
        feeds[name] = new Tensor('float32', [0], [1]); // mean hand of the training
      else throw new UserError(`it needs the input '${name}', which a page does not know`);
    }
    return feeds;
  }
}

/** A camera so far from the crop that perspective hardly matters: the picture's own is not known. */
function distantCamera(size: number): Float32Array {
  const [focal, middle] = [20 * size, (size - 1) / 2];
  return Float32Array.of(focal, 0, middle, 0, focal, middle, 0, 0, 1);
}

function rows(tensor: Tensor, width: number): Point[] {
  const values = Array.from(tensor.data as Float32Array);
  if (!values.every(Number.isFinite))
    throw new UserError('the network predicts joints that are no numbers: train it again');
  return Array.from({ length: values.length / width }, (_, i) => values.slice(i * width, (i + 1) * width));
}
