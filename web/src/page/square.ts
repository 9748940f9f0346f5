/** The square around the hand, that the user moves and resizes by pointer and by keys. */
import type { Square } from '../images/warp';
import { element } from './dom';
import { displayScale } from './overlay';

const SMALLEST = 16; // px of the picture
const STEP = 0.02; // of the picture's shorter side, or of the square's side, a key press

/** The square on the picture; none means the whole picture. */
export class SquareBox {
  private square: Square | null = null;
  private limits = { width: 0, height: 0 };
  private readonly box = element('square');

  /** @param changed Called after every change by the user. */
  constructor(private readonly changed: () => void) {
    this.box.addEventListener('pointerdown', (event) => this.drag(event));
    this.box.addEventListener('keydown', (event) => this.key(event));
    element('picture').addEventListener('pointerdown', (event) => this.draw(event));
    element('choose-square').addEventListener('click', () => {
      const { width, height } = this.limits;
      this.set({ x: (width - 1) / 2, y: (height - 1) / 2, side: 0.7 * Math.min(width, height) });
      this.box.focus();
    });
    element('whole').addEventListener('click', () => this.clear());
  }

  /** The chosen square in px of the picture; null for the whole picture. */
  get value(): Square | null {
    return this.square && { ...this.square };
  }

  /** Takes a picture's size; a square that another size of picture had is dropped. */
  fit(width: number, height: number, keep: boolean): void {
    const same = width === this.limits.width && height === this.limits.height;
    this.limits = { width, height };
    if (!keep || !same) this.square = null;
    element<HTMLButtonElement>('choose-square').disabled = false;
    this.place();
  }

  /** Puts the box where the square is displayed. */
  place(): void {
    const chosen = this.square !== null;
    this.box.hidden = !chosen;
    element('whole').hidden = !chosen;
    element('choose-square').hidden = chosen;
    if (!this.square) return;
    const scale = displayScale();
    const { x, y, side } = this.square;
    this.box.style.left = `${(x + 0.5 - side / 2) * scale}px`;
    this.box.style.top = `${(y + 0.5 - side / 2) * scale}px`;
    this.box.style.width = this.box.style.height = `${side * scale}px`;
  }

  private clear(): void {
    this.square = null;
    this.place();
    element('choose-square').focus();
    this.changed();
  }

  /** Sets a square; its centre stays in the picture, and its side within sensible limits. */
  private set({ x, y, side }: Square): void {
    const { width, height } = this.limits;
    const within = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);
    this.square = {
      x: within(x, 0, width - 1),
      y: within(y, 0, height - 1),
      side: within(side, SMALLEST, 2 * Math.max(width, height)),
    };
    this.place();
    this.changed();
  }

  /** Moves the square, or resizes it from the opposite corner. */
  private drag(start: PointerEvent): void {
    const from = this.square;
    if (!from) return;
    const corner = (start.target as HTMLElement).dataset['corner'];
    const scale = displayScale();
    this.follow(start, (event) => {
      const [dx, dy] = [(event.clientX - start.clientX) / scale, (event.clientY - start.clientY) / scale];
      if (!corner) return this.set({ ...from, x: from.x + dx, y: from.y + dy });
      const [right, down] = [corner.includes('e') ? 1 : -1, corner.includes('s') ? 1 : -1];
      const side = Math.max(from.side + (right * dx + down * dy) / 2, SMALLEST);
      const moved = (side - from.side) / 2;
      this.set({ x: from.x + right * moved, y: from.y + down * moved, side });
    });
  }

  /** Draws a new square with the mouse; a finger on the picture scrolls the page. */
  private draw(start: PointerEvent): void {
    if (start.pointerType === 'touch' || start.button !== 0) return;
    const scale = displayScale();
    const [x, y] = [start.offsetX / scale - 0.5, start.offsetY / scale - 0.5];
    this.follow(start, (event) => {
      const [dx, dy] = [(event.clientX - start.clientX) / scale, (event.clientY - start.clientY) / scale];
      const side = Math.max(Math.abs(dx), Math.abs(dy));
      if (side < SMALLEST) return;
      this.set({ x: x + (Math.sign(dx) * side) / 2, y: y + (Math.sign(dy) * side) / 2, side });
    });
  }

  private follow(start: PointerEvent, move: (event: PointerEvent) => void): void {
    const target = start.currentTarget as HTMLElement;
    const stop = new AbortController();
    target.setPointerCapture(start.pointerId);
    target.addEventListener('pointermove', move, { signal: stop.signal });
    for (const end of ['pointerup', 'pointercancel']) {
      target.addEventListener(end, () => stop.abort(), { signal: stop.signal });
    }
  }

  private key(event: KeyboardEvent): void {
    if (!this.square || event.ctrlKey || event.metaKey || event.altKey) return;
    const { x, y, side } = this.square;
    const step = STEP * Math.min(this.limits.width, this.limits.height) * (event.shiftKey ? 5 : 1);
    const next: Record<string, Square> = {
      ArrowLeft: { x: x - step, y, side },
      ArrowRight: { x: x + step, y, side },
      ArrowUp: { x, y: y - step, side },
      ArrowDown: { x, y: y + step, side },
      '+': { x, y, side: side * (1 + 2 * STEP) },
      '-': { x, y, side: side / (1 + 2 * STEP) },
    };
    const found = next[event.key === '=' ? '+' : event.key];
    if (event.key === 'Escape') this.clear();
    else if (found) this.set(found);
    else return;
    event.preventDefault();
  }
}
