/** Where pictures and networks come from: files chosen, dropped or pasted, and examples. */
import { UserError } from '../errors';
import { element } from './dom';

/** Takes a file, with its name. */
export type Taker = (file: Blob, name: string) => void;

/** Pictures of the hand studio, in public/examples (scripts/make_examples.py). */
const EXAMPLES = [1, 2, 3, 4].map((number) => ({ name: `hand_${number}.jpg`, label: `Example ${number}` }));

/**
 * Listens to all sources.
 *
 * @param picture Takes a picture.
 * @param student Takes an exported network.
 * @param failed Takes the error of a source.
 */
export function listen(picture: Taker, student: Taker, failed: (error: unknown) => void): void {
  chosen('file', picture);
  chosen('student', student);
  const take = (files: Iterable<File> | undefined): void => {
    const [file] = files ?? [];
    if (!file) return;
    if (file.name.toLowerCase().endsWith('.onnx')) student(file, file.name);
    else picture(file, file.name || 'pasted picture');
  };
  dropped(take);
  addEventListener('paste', (event) => take(event.clipboardData?.files));
  for (const example of EXAMPLES) addExample(example, picture, failed);
}

/**
 * Fetches a file of the page.
 *
 * @param path Its path, relative to the page.
 * @throws UserError if it is missing.
 */
export async function fetchFile(path: string): Promise<Blob> {
  const response = await fetch(new URL(path, document.baseURI)).catch(() => null);
  if (!response?.ok) {
    throw new UserError(`${path}: can't be loaded (${response ? response.status : 'no answer'}); load the page again`);
  }
  return response.blob();
}

function chosen(id: string, take: Taker): void {
  const input = element<HTMLInputElement>(id);
  input.addEventListener('change', () => {
    const file = input.files?.[0];
    if (file) take(file, file.name);
    input.value = ''; // so that the same file can be chosen again
  });
}

function dropped(take: (files: Iterable<File> | undefined) => void): void {
  const stage = element('stage');
  const mark = (over: boolean) => (event: DragEvent) => {
    event.preventDefault();
    stage.classList.toggle('over', over);
  };
  addEventListener('dragover', mark(true));
  addEventListener('dragleave', mark(false));
  addEventListener('drop', (event) => {
    mark(false)(event);
    take(event.dataTransfer?.files);
  });
}

function addExample(example: { name: string; label: string }, take: Taker, failed: (error: unknown) => void): void {
  const image = document.createElement('img');
  image.src = `./examples/${example.name}`;
  image.alt = example.label;
  const button = document.createElement('button');
  button.type = 'button';
  button.append(image);
  button.addEventListener('click', () => {
    fetchFile(`examples/${example.name}`).then((file) => take(file, example.name), failed);
  });
  element('examples').append(button);
}
