/** The camera: frames as long as it is on. */
import { messageOf, UserError } from '../errors';
import { pictureOf, type Picture } from '../images/picture';
import { element } from './dom';

/** Takes a frame; the next one comes when it is done. */
export type FrameTaker = (frame: Picture) => Promise<void>;

/** The camera's button. */
export class Camera {
  private readonly video = document.createElement('video');
  private readonly button = element<HTMLButtonElement>('camera');
  private stream: MediaStream | null = null;

  /**
   * @param take Takes the frames.
   * @param failed Takes an error; the camera is off then.
   */
  constructor(
    private readonly take: FrameTaker,
    private readonly failed: (error: unknown) => void,
  ) {
    this.video.muted = true;
    this.video.playsInline = true;
    this.button.addEventListener('click', () => void (this.stream ? this.stop() : this.start()));
  }

  /** Switches the camera off. */
  stop(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = null;
    this.video.srcObject = null;
    this.show();
  }

  private async start(): Promise<void> {
    this.button.disabled = true;
    try {
      this.stream = await openCamera();
      this.video.srcObject = this.stream;
      this.stream.getVideoTracks()[0]?.addEventListener('ended', () => this.stop());
      await this.video.play();
    } catch (error) {
      this.stop();
      this.failed(error);
    } finally {
      this.button.disabled = false;
    }
    this.show();
    await this.run();
  }

  private async run(): Promise<void> {
    try {
      while (this.stream) {
        const { videoWidth, videoHeight } = this.video;
        if (videoWidth) await this.take(pictureOf(this.video, videoWidth, videoHeight, 'camera'));
        await new Promise(requestAnimationFrame);
      }
    } catch (error) {
      this.stop();
      this.failed(error);
    }
  }

  private show(): void {
    this.button.textContent = this.stream ? 'Camera off' : 'Camera on';
    this.button.setAttribute('aria-pressed', String(this.stream !== null));
  }
}

async function openCamera(): Promise<MediaStream> {
  if (!navigator.mediaDevices) {
    throw new UserError('The camera needs a page from https:// or from localhost: open the page there');
  }
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 }, height: { ideal: 480 } } });
  } catch (error) {
    const name = error instanceof DOMException ? error.name : '';
    if (name === 'NotAllowedError') throw new UserError('No permission for the camera: allow it in the browser');
    if (name === 'NotFoundError') throw new UserError('No camera was found: connect one, or choose a picture');
    throw new UserError(`The camera can't be used: ${messageOf(error)}`);
  }
}
