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

/** Whether there is a graphics card that pages may use; `?backend=wasm` in the address leaves it out. */
async function hasWebGPU(): Promise<boolean> {
  if (new URLSearchParams(location.search).get('backend') === 'wasm') return false;
  const gpu = (navigator as { gpu?: { requestAdapter(): Promise<object | null> } }).gpu;
  return (await gpu?.requestAdapter().catch(() => null)) != null;
}
