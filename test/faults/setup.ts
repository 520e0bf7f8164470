import { SEED } from "./chance.ts";
import { figuresTable, forgetFigures } from "./figures.ts";

/** Around the whole run: its seed first, its figures last. */
export default function setup(): () => void {
  forgetFigures();
  console.log(`\nseed ${SEED}; the same again: FAULTS_SEED=${SEED} npm run test:faults\n`);
  return () => console.log(`\n${figuresTable()}\n\nseed ${SEED}`);
}
