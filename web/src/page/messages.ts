/** What the page says: its state, read out politely, and errors, read out at once. */
import { messageOf, UserError } from '../errors';
import { element } from './dom';

/** Says what happened; an error said before goes away. */
export function say(text: string): void {
  const status = element('status');
  if (status.textContent !== text) status.textContent = text;
  element('alert').hidden = true;
}

/** Shows an error. */
export function complain(error: unknown): void {
  if (!(error instanceof UserError)) console.error(error);
  const alert = element('alert');
  alert.textContent = messageOf(error);
  alert.hidden = false;
  element('status').textContent = ''; // what was said before is no longer so
}
