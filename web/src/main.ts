/** Connects the page's parts. */
import './style.css';

import { decodePicture } from './images/picture';
import { App } from './page/app';
import { Camera } from './page/camera';
import { complain, say } from './page/messages';
import { listenToResults } from './page/results';
import { fetchFile, listen } from './page/sources';

const app = new App();
const camera = new Camera((frame) => app.useFrame(frame), complain);

/** Runs one step after another, in the order of the user's actions. */
let queue = Promise.resolve();
const then = (step: () => Promise<void>): void => {
  queue = queue.then(step).catch(complain);
};

listenToResults();
listen(
  (file, name) => {
    camera.stop();
    say(`${name} …`);
    then(async () => app.usePicture(await decodePicture(file, name)));
  },
  (file, name) =>
    then(async () => {
      await app.useStudent(file, name);
      say(`${name} is loaded.`);
    }),
  complain,
);
then(async () => app.useStudent(await fetchFile('student.onnx'), 'student.onnx'));
