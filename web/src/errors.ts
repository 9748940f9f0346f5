/** A fault that the user can mend; its message is shown on the page as it is. */
export class UserError extends Error {}

/** Text of an error for the page: one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.replace(/\s+/g, ' ').trim();
}
