/**
 * Reads the custom properties of an ONNX file, which ONNX Runtime does not give in a browser.
 *
 * An ONNX file is a protobuf message ModelProto; field 14, `metadata_props`, repeats messages with a key (field 1) and
 * a value (field 2). All other fields, the graph among them, are skipped by their length.
 */
const METADATA_PROPS = 14;
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** One field of a message; `bytes` is empty unless the field is a string, bytes or a message. */
interface Field {
  number: number;
  bytes: Uint8Array;
}

/**
 * Reads all custom properties.
 *
 * @param file The ONNX file.
 * @returns Property name -> value.
 * @throws RangeError if the bytes are no protobuf message, or are cut off.
 */
export function readProperties(file: Uint8Array): Map<string, string> {
  const properties = new Map<string, string>();
  for (const field of fields(file)) {
    if (field.number !== METADATA_PROPS) continue;
    const texts = new Map<number, string>();
    for (const part of fields(field.bytes)) texts.set(part.number, new TextDecoder().decode(part.bytes));
    properties.set(texts.get(1) ?? '', texts.get(2) ?? '');
  }
  return properties;
}

function* fields(message: Uint8Array): Generator<Field> {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let scale = 1; scale < 2 ** 63; scale *= 128) {
      const byte = message[at++];
      if (byte === undefined) throw new RangeError('cut off within a number');
      value += (byte & 127) * scale; // a product, since shifts end at 32 bits
      if (byte < 128) return value;
    }
    return value + (message[at++] ?? 0) * 2 ** 63;
  };
  const take = (length: number): Uint8Array => {
    if (at + length > message.length) throw new RangeError('cut off within a field');
    at += length;
    return message.subarray(at - length, at);
  };
  while (at < message.length) {
    const tag = varint();
    const [number, kind] = [Math.floor(tag / 8), tag % 8];
    let bytes: Uint8Array = new Uint8Array(0);
    if (kind === VARINT) varint();
    else if (kind === FIXED64) take(8);
    else if (kind === FIXED32) take(4);
    else if (kind === BYTES) bytes = take(varint());
    else throw new RangeError(`field ${number} has the unknown type ${kind}`);
    if (number === 0) throw new RangeError('a field has the number 0');
    yield { number, bytes };
  }
}
