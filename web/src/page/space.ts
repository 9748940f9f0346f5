/** The hand in 3D, that the user turns by pointer and by keys. */
import {
  AmbientLight,
  CylinderGeometry,
  DirectionalLight,
  Group,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Scene,
  SphereGeometry,
  Vector3,
  WebGLRenderer,
} from 'three';

import { jointColor, type Point } from '../hand/joints';

const DISTANCE = 4.2;
const KEY_TURN = Math.PI / 24;

/** A view of a hand, drawn when something changes. */
export class SpaceView {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(32, 1, 0.1, 20);
  private readonly hand = new Group();
  private readonly sphere = new SphereGeometry(1, 20, 14);
  private readonly tube = new CylinderGeometry(1, 1, 1, 14);
  private readonly materials = new Map<string, MeshStandardMaterial>();
  private yaw = 0;
  private pitch = 0;
  private zoom = 1;
  private drawing = 0;

  /**
   * @param host The element to draw in.
   * @throws Error if the browser has no WebGL.
   */
  constructor(private readonly host: HTMLElement) {
    this.renderer = new WebGLRenderer({ antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    host.replaceChildren(this.renderer.domElement);
    const light = new DirectionalLight('#ffffff', 2.2);
    light.position.set(-1, 2, 3);
    this.scene.add(new AmbientLight('#ffffff', 1.4), light, this.hand);
    new ResizeObserver(() => this.resize()).observe(host);
    host.addEventListener('pointerdown', (event) => this.drag(event));
    host.addEventListener('keydown', (event) => this.key(event));
    host.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    this.resize();
  }

  /**
   * Shows a hand.
   *
   * @param joints (J, 3), any unit, camera axes (x right, y down, z forward).
   * @param bones Pairs of joints.
   */
  show(joints: Point[], bones: [number, number][]): void {
    const points = joints.map(([x, y, z]) => new Vector3(x, -y!, -z!)); // three.js: y up, z to the viewer
    const middle = points.reduce((sum, point) => sum.add(point), new Vector3()).divideScalar(points.length || 1);
    const reach = Math.max(...points.map((point) => point.distanceTo(middle)), 1e-9);
    for (const point of points) point.sub(middle).divideScalar(reach);
    this.hand.clear();
    points.forEach((point, joint) => this.hand.add(this.ball(point, jointColor(joint))));
    for (const [from, to] of bones) this.hand.add(this.stick(points[from]!, points[to]!, jointColor(to)));
    this.redraw();
  }

  private ball(at: Vector3, color: string): Mesh {
    const mesh = new Mesh(this.sphere, this.material(color));
    mesh.position.copy(at);
    mesh.scale.setScalar(0.055);
    return mesh;
  }

  private stick(from: Vector3, to: Vector3, color: string): Mesh {
    const mesh = new Mesh(this.tube, this.material(color));
    const along = to.clone().sub(from);
    const length = along.length();
    mesh.position.copy(from).addScaledVector(along, 0.5);
    mesh.quaternion.setFromUnitVectors(new Vector3(0, 1, 0), along.divideScalar(length || 1));
    mesh.scale.set(0.032, length, 0.032);
    return mesh;
  }

  private material(color: string): MeshStandardMaterial {
    const made = this.materials.get(color) ?? new MeshStandardMaterial({ color, roughness: 0.55 });
    this.materials.set(color, made);
    return made;
  }

  private turn(yaw: number, pitch: number): void {
    this.yaw += yaw;
    this.pitch = Math.min(Math.max(this.pitch + pitch, -Math.PI / 2), Math.PI / 2);
    this.redraw();
  }

  private scaleBy(factor: number): void {
    this.zoom = Math.min(Math.max(this.zoom * factor, 0.5), 3);
    this.redraw();
  }

  private drag(start: PointerEvent): void {
    const stop = new AbortController();
    let { clientX, clientY } = start;
    this.host.setPointerCapture(start.pointerId);
    const move = (event: PointerEvent): void => {
      this.turn((event.clientX - clientX) * 0.01, (event.clientY - clientY) * 0.01);
      ({ clientX, clientY } = event);
    };
    this.host.addEventListener('pointermove', move, { signal: stop.signal });
    for (const end of ['pointerup', 'pointercancel']) {
      this.host.addEventListener(end, () => stop.abort(), { signal: stop.signal });
    }
  }

  /** Zooms once the view has the focus; before, the wheel scrolls the page. */
  private wheel(event: WheelEvent): void {
    if (document.activeElement !== this.host) return;
    event.preventDefault();
    this.scaleBy(Math.exp(-event.deltaY * 0.001));
  }

  private key(event: KeyboardEvent): void {
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.turn(-KEY_TURN, 0),
      ArrowRight: () => this.turn(KEY_TURN, 0),
      ArrowUp: () => this.turn(0, -KEY_TURN),
      ArrowDown: () => this.turn(0, KEY_TURN),
      '+': () => this.scaleBy(1.1),
      '=': () => this.scaleBy(1.1),
      '-': () => this.scaleBy(1 / 1.1),
      Home: () => this.home(),
    };
    const action = actions[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  }

  private home(): void {
    [this.yaw, this.pitch, this.zoom] = [0, 0, 1];
    this.redraw();
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.host;
    if (!clientWidth || !clientHeight) return;
    this.renderer.setSize(clientWidth, clientHeight);
    this.camera.aspect = clientWidth / clientHeight;
    this.redraw();
  }

  private redraw(): void {
    cancelAnimationFrame(this.drawing);
    this.drawing = requestAnimationFrame(() => {
      this.hand.rotation.set(this.pitch, this.yaw, 0);
      this.camera.position.z = DISTANCE / this.zoom / Math.min(this.camera.aspect, 1);
      this.camera.updateProjectionMatrix();
      this.renderer.render(this.scene, this.camera);
    });
  }
}
