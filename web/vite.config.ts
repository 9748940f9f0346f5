import { readFileSync } from 'node:fs';

import { defineConfig, type Plugin } from 'vite';

/** The browser itself forbids every other origin; WebAssembly is allowed, other code from texts is not. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');

/** Adds the policy to the built page; the development server needs scripts of its own within the page. */
function policy(): Plugin {
  return {
    name: 'policy',
    apply: 'build',
    transformIndexHtml: () => [
      { tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: POLICY }, injectTo: 'head-prepend' },
    ],
  };
}

/** Puts the exported student, a file named by the environment variable STUDENT, beside the page. */
function student(): Plugin {
  const read = (): Buffer => {
    const path = process.env['STUDENT'];
    if (!path) throw new Error('STUDENT=path/of/student.onnx is missing: use `make web MODEL=student.onnx`');
    return readFileSync(path);
  };
  return {
    name: 'student',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'student.onnx', source: read() });
    },
    configureServer(server) {
      server.middlewares.use('/student.onnx', (_, response) => void response.end(read()));
    },
  };
}

export default defineConfig({
  base: './', // the page works in any folder of a host
  plugins: [policy(), student()],
  build: { target: 'es2022', chunkSizeWarningLimit: 800, reportCompressedSize: false },
});
