/**
 * Synthesizes the whole local environment into k8s/dist: `node k8s/main.ts`, then `kubectl apply -f k8s/dist`.
 */
import { join } from 'node:path';
import { environment } from './environment.ts';
import { builtImages } from './images.ts';

const root = join(import.meta.dirname, '..');
const images = builtImages(root);
if (images) {
  environment({ root, images, outdir: join(root, 'k8s/dist') }).synth();
} else {
  console.error('k8s: dist/images.json is missing: run make images first');
  process.exitCode = 1;
}
