/** What an exported student says about itself in its ONNX file (docs/export.md). */
import { UserError } from '../errors';
import type { CropRule } from '../images/squares';
import { readProperties } from './properties';

const PROPERTY = 'handkd';
const FORMAT = 1;
/** Mean side of the 'zb' square over the longer side of the joints' box; Python's ZB_MARGIN. */
const ZB_FACTOR = 1.2;

/** Description of a network for colour pictures that this page can run. */
export interface Description {
  name: string;
  task: string;
  joints: string[];
  bones: [number, number][];
  root: string;
  /** The two joints whose distance is the unit 'hand_scale'; null for other units. */
  scaleBone: [string, string] | null;
  input: string;
  inputs: string[];
  outputs: string[];
  crop: CropRule;
  /** Side that the network was trained on; the other is given to it mirrored. */
  trainedOn: 'both' | 'left' | 'right';
}

/**
 * Reads the description in an ONNX file.
 *
 * @param file The ONNX file.
 * @param name Its name, for errors.
 * @throws UserError if it is no ONNX file, not exported by handkd, or a network that this page can't run.
 */
export function readDescription(file: Uint8Array, name: string): Description {
  const text = propertyOf(file, name);
  if (text === undefined) {
    throw new UserError(`${name}: not exported by handkd: make the file with "handkd export CONFIG CHECKPOINT"`);
  }
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    throw damaged(name, 'it is not JSON');
  }
  const values = new Values(raw, name);
  const format = values.number('format');
  if (format > FORMAT) {
    throw new UserError(
      `${name}: made by a newer handkd (format ${format}, this page reads up to ${FORMAT}): update the page`,
    );
  }
  return describe(values, name);
}

function propertyOf(file: Uint8Array, name: string): string | undefined {
  try {
    return readProperties(file).get(PROPERTY);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError(`${name}: not a complete ONNX file (${error.message}): export or copy it again`);
  }
}

function describe(values: Values, name: string): Description {
  const input = values.object('input');
  const crop = values.object('crop');
  if (values.text('modality') !== 'rgb') {
    throw new UserError(`${name}: the network reads depth images; this page shows networks for colour pictures`);
  }
  const rule = crop.text('rule');
  if ((rule !== 'square' && rule !== 'box' && rule !== 'zb') || crop.raw('turns') === true) {
    const what = crop.raw('turns') === true ? 'a virtual camera' : `crops of the rule '${rule}'`;
    throw new UserError(`${name}: ${what} need the camera's intrinsics, which a page does not know; use handkd infer`);
  }
  const side = values.object('side').text('trained_on');
  return {
    name: values.text('name'),
    task: values.text('task'),
    joints: values.list('joints') as string[],
    bones: values.list('bones') as [number, number][],
    root: values.text('root'),
    scaleBone: values.raw('scale_bone') === null ? null : (values.list('scale_bone') as [string, string]),
    input: input.text('name'),
    inputs: values.names('inputs'),
    outputs: values.names('outputs'),
    crop: {
      rule,
      factor: rule === 'zb' ? ZB_FACTOR : crop.number('factor'),
      margin: crop.number('margin'),
      size: input.number('size'),
      border: crop.number('border'),
    },
    trainedOn: side === 'left' || side === 'right' ? side : 'both',
  };
}

function damaged(name: string, reason: string): UserError {
  return new UserError(
    `${name}: its description (metadata property '${PROPERTY}') is damaged: ${reason}; export it again`,
  );
}

/** Values of a JSON object, checked when they are read. */
class Values {
  private readonly values: Record<string, unknown>;

  constructor(
    raw: unknown,
    private readonly name: string,
  ) {
    if (typeof raw !== 'object' || raw === null) throw damaged(name, 'it is no object');
    this.values = raw as Record<string, unknown>;
  }

  raw(key: string): unknown {
    return this.values[key];
  }

  text(key: string): string {
    return this.checked(key, 'a text', (value) => typeof value === 'string') as string;
  }

  number(key: string): number {
    return this.checked(key, 'a number', (value) => typeof value === 'number') as number;
  }

  list(key: string): unknown[] {
    return this.checked(key, 'a list', Array.isArray) as unknown[];
  }

  names(key: string): string[] {
    return this.list(key).map((item) => new Values(item, this.name).text('name'));
  }

  object(key: string): Values {
    return new Values(this.raw(key), this.name);
  }

  private checked(key: string, expected: string, good: (value: unknown) => boolean): unknown {
    const value = this.values[key];
    if (!good(value)) throw damaged(this.name, `${key} must be ${expected}, found ${JSON.stringify(value)}`);
    return value;
  }
}
