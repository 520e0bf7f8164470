import type { Reporter, TestModule } from "vitest/node";

/** Says in one line at the end how many inputs were tried, if any were. */
export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let [inputs, tests] = [0, 0];
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const tried = test.meta().inputs;
        if (tried === undefined) continue;
        inputs += tried;
        tests++;
      }
    }
    if (tests > 0) process.stdout.write(`\n fuzz: ${inputs.toLocaleString("en")} inputs tried by ${tests} tests\n`);
  }
}
