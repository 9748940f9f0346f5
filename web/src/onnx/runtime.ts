/** ONNX Runtime: on the graphics card where the browser offers one to pages, else in WebAssembly. */
import type * as Ort from 'onnxruntime-web';

export type Runtime = typeof Ort;
export type Backend = 'webgpu' | 'wasm';

/** A network in a runtime. */
export interface Session {
  ort: Runtime;
  session: Ort.InferenceSession;
  backend: Backend;
}

/**
 * Opens a network; falls back to WebAssembly where WebGPU fails.
 *
 * @param file The ONNX file.
 */
export async function openSession(file: Uint8Array): Promise<Session> {
  if (await hasWebGPU()) {
    try {
      return await open(await import('onnxruntime-web/webgpu'), file, 'webgpu');
    } catch (error) {
      console.warn('WebGPU is not usable, WebAssembly is used instead:', error);
    }
  }
  return open(await import('onnxruntime-web/wasm'), file, 'wasm');
}

async function open(ort: Runtime, file: Uint8Array, backend: Backend): Promise<Session> {
  // Threads need memory shared between them, which a browser gives to cross-origin isolated pages only.
  ort.env.wasm.numThreads = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 4) : 1;
  const session = await ort.InferenceSession.create(file, { executionProviders: [backend] });
  return { ort, session, backend };
}

/** Whether a graphics card can be used; `?backend=` in the address decides between `wasm` and `webgpu` otherwise. */
async function hasWebGPU(): Promise<boolean> {
  const wanted = new URLSearchParams(location.search).get('backend');
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (wanted === 'wasm' || !gpu) return false;
  const adapter = await gpu.requestAdapter().catch(() => null);
  // An adapter that computes on the processor is far slower than WebAssembly.
  return adapter !== null && (wanted === 'webgpu' || !(adapter.isFallbackAdapter ?? adapter.info?.isFallbackAdapter));
}

/** A graphics card; older browsers say on the adapter itself whether it is one. */
interface Adapter {
  isFallbackAdapter?: boolean;
  info?: { isFallbackAdapter?: boolean };
}
