/** Side, unit and time of a hand, and its record as JSON. */
import type { Description } from '../onnx/metadata';
import { toJson, type HandRecord, type PictureRecord } from '../record';
import { element } from './dom';
import { complain, say } from './messages';

let record: PictureRecord | null = null;

/** Makes the buttons for the JSON work. */
export function listenToResults(): void {
  element('copy').addEventListener('click', () => {
    if (!record) return;
    navigator.clipboard.writeText(toJson(record)).then(() => say('The JSON is copied.'), complain);
  });
  element('download').addEventListener('click', () => {
    if (!record) return;
    const link = document.createElement('a');
    link.href = URL.createObjectURL(new Blob([toJson(record)], { type: 'application/json' }));
    link.download = `${record.file.replace(/\.[^.]*$/, '')}.json`;
    link.click();
    URL.revokeObjectURL(link.href);
  });
}

/** Shows a record's facts; null clears them. */
export function showRecord(made: PictureRecord | null, facts: [string, string][]): void {
  record = made;
  for (const id of ['copy', 'download']) element<HTMLButtonElement>(id).disabled = made === null;
  const items = facts.flatMap(([term, value]) => {
    const [dt, dd] = [document.createElement('dt'), document.createElement('dd')];
    dt.textContent = term;
    dd.textContent = value;
    return [dt, dd];
  });
  element('facts').replaceChildren(...items);
  element('facts').dataset['box'] = made?.hands[0]?.box_source ?? '';
}

/** Name of the bone whose length is the unit of a network; null if it has none. */
export function boneName({ scaleBone }: Description): string | null {
  return scaleBone && scaleBone.map((joint) => joint.replace('_mcp', ' finger base').replace('_', ' ')).join(' to ');
}

/** The text about a hand. */
export function factsOf(hand: HandRecord, description: Description, time: string): [string, string][] {
  const score = hand.side_score === null ? '' : `, score ${hand.side_score.toFixed(2)}`;
  const bone = boneName(description) ?? 'the scale bone';
  const unit = hand.unit === 'hand_scale' ? `1 = ${bone}` : hand.unit;
  return [
    ['Side', hand.side ? `${hand.side} (${hand.side_source}${score})` : 'not determined by 2D joints'],
    ['Time', time],
    ['2D', description.outputs.includes('keypoints') ? 'predicted' : 'the 3D hand, centred in the square'],
    ['3D unit', unit ? `${unit}, relative to the ${hand.root}` : 'the network gives 2D joints'],
  ];
}
