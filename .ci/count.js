// Names each test that failed, and prints "N passed, N failed", over the test runner's reports that are named. Fails when one failed, and when a report is missing.
import { existsSync, readFileSync } from "node:fs";

/** So many characters of why a test failed: the end of a long output is what is read. */
const MOST = 3000;
let passed = 0;
let failed = 0;
for (const file of process.argv.slice(2)) {
  if (!existsSync(file)) {
    console.log(`${file} is missing: it counts as a failure`);
    failed++;
    continue;
  }
  const report = JSON.parse(readFileSync(file, "utf8"));
  passed += report.numPassedTests;
  // A file that could not be loaded has no tests to count: it counts as one failure.
  const unloaded = report.testResults.filter((tests) => tests.status === "failed" && tests.assertionResults.length === 0);
  failed += report.numFailedTests + unloaded.length;
  for (const { name, message } of unloaded) console.log(`FAILED ${name}: ${message}`);
  for (const { name, assertionResults } of report.testResults)
    for (const { status, fullName, failureMessages } of assertionResults)
      if (status === "failed") console.log(`FAILED ${name}: ${fullName}\n${failureMessages.join("\n").slice(0, MOST)}`);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
