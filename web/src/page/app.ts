/** The page: one network, one picture or camera, one hand. */
import { UserError } from '../errors';
import type { Side } from '../hand/joints';
import type { Picture } from '../images/picture';
import { findHand, type Found, type Known } from '../inference';
import { Student } from '../onnx/student';
import { recordOf } from '../record';
import { element } from './dom';
import { complain, say } from './messages';
import { drawHand, showPicture } from './overlay';
import { boneName, factsOf, showRecord } from './results';
import type { SpaceView } from './space';
import { SquareBox } from './square';

const MEGABYTE = 1e6;

/** State of the page. */
export class App {
  private student: Student | null = null;
  private picture: Picture | null = null;
  private found: Found | null = null;
  private space: SpaceView | null = null;
  private running: Promise<void> | null = null;
  private again = false;
  private readonly box = new SquareBox(() => this.changed());

  constructor() {
    element('side').addEventListener('change', () => this.changed());
    element('scale').addEventListener('input', () => this.changed());
    new ResizeObserver(() => this.redraw()).observe(element('picture'));
    void this.openSpace();
  }

  /**
   * Takes a network and looks at the picture again.
   *
   * @throws UserError if it can't be used; the network before stays.
   */
  async useStudent(file: Blob, name: string): Promise<void> {
    const student = await Student.load(new Uint8Array(await file.arrayBuffer()), name);
    this.student = student;
    const { name: trained, crop } = student.description;
    const where = student.backend === 'webgpu' ? 'WebGPU' : 'WebAssembly';
    const size = (file.size / MEGABYTE).toFixed(1);
    element('network').textContent = `${trained}, ${crop.size} x ${crop.size} px, ${size} MB, runs in ${where}`;
    element('scale-label').textContent = `Length from ${boneName(student.description) ?? 'end to end'}, mm`;
    await this.look();
  }

  /**
   * Takes a picture and looks for the hand in it.
   *
   * @throws UserError if there is no network, or it finds no hand.
   */
  async usePicture(picture: Picture): Promise<void> {
    this.show(picture, false);
    await this.look();
    if (this.found && this.picture === picture) say(this.summary(picture.name));
  }

  /** Takes a frame of the camera; a message is shown once, not for every frame. */
  async useFrame(frame: Picture): Promise<void> {
    this.show(frame, true);
    await this.look();
    say('The camera is on.');
  }

  private show(picture: Picture, keep: boolean): void {
    this.picture = picture;
    if (!keep) this.found = null;
    showPicture(picture);
    this.box.fit(picture.width, picture.height, keep);
    this.redraw();
    if (!this.student) throw new UserError('There is no network yet: choose a student.onnx, or load the page again');
  }

  private changed(): void {
    if (this.picture) this.look().catch(complain);
  }

  /** Looks for the hand; while it looks, any number of changes lead to one more look. */
  private async look(): Promise<void> {
    this.again = true;
    this.running ??= this.lookWhileChanged().finally(() => (this.running = null));
    await this.running;
  }

  private async lookWhileChanged(): Promise<void> {
    while (this.again) {
      this.again = false;
      if (!this.student || !this.picture) return;
      try {
        this.found = await findHand(this.student, this.picture, this.known());
      } catch (error) {
        this.found = null;
        throw error;
      } finally {
        this.report();
      }
    }
  }

  private known(): Known {
    const side = element<HTMLSelectElement>('side').value;
    const input = element<HTMLInputElement>('scale');
    const scale = input.value === '' ? null : Number(input.value);
    if (!input.validity.valid || (scale !== null && !(scale > 0))) {
      throw new UserError('The hand scale must be a length from 1 to 1000 mm');
    }
    return { square: this.box.value, side: side === '' ? null : (side as Side), scale };
  }

  private report(): void {
    this.redraw();
    const joints = this.found?.hand.keypoints_3d ?? [];
    this.space?.show(joints, joints.length > 0 ? this.student!.description.bones : []);
    if (!this.found || !this.picture || !this.student) return showRecord(null, []);
    const { name, width, height } = this.picture;
    const { hand, milliseconds } = this.found;
    const time = `${milliseconds.toFixed(1)} ms for the network`;
    showRecord(recordOf(name, width, height, hand), factsOf(hand, this.student.description, time));
  }

  private redraw(): void {
    if (!this.picture) return;
    this.box.place();
    drawHand(this.found?.hand.keypoints ?? [], this.student?.description.bones ?? []);
  }

  private summary(name: string): string {
    const { hand, milliseconds } = this.found!;
    const side = hand.side ? `a ${hand.side} hand` : 'a hand';
    return `${name}: ${side}, in ${milliseconds.toFixed(0)} ms.`;
  }

  /** Loads the 3D view after the rest of the page; without WebGL all else still works. */
  private async openSpace(): Promise<void> {
    const host = element('space');
    try {
      const { SpaceView } = await import('./space');
      this.space = new SpaceView(host);
      this.report();
    } catch (error) {
      const note = document.createElement('p');
      note.textContent = 'The 3D view needs WebGL, which this browser does not offer.';
      host.replaceChildren(note);
      console.warn(error);
    }
  }
}
