import { basename } from "node:path";
import type { Reporter, TestModule } from "vitest/node";

/** Says in one line at the end how many inputs were tried, and by which files, if any were. */
export default class implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const files = modules.map((module) => {
      const tried = [...module.children.allTests()].flatMap((test) => test.meta().inputs ?? []);
      return { name: basename(module.moduleId, ".test.ts"), tests: tried.length, inputs: sum(tried) };
    });
    const told = files.filter(({ tests }) => tests > 0);
    if (told.length === 0) return;
    const each = told.map(({ name, inputs }) => `${name} ${inputs.toLocaleString("en")}`).sort();
    const [inputs, tests] = [sum(told.map((file) => file.inputs)), sum(told.map((file) => file.tests))];
    process.stdout.write(`\n fuzz: ${inputs.toLocaleString("en")} inputs tried by ${tests} tests (${each.join(", ")})\n`);
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
