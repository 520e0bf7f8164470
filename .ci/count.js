// Prints "N passed, N failed" from the test runner's report. Fails when a test failed, and when there is no report to read.
import { readFileSync } from "node:fs";

const report = JSON.parse(readFileSync(process.argv[2], "utf8"));
const passed = report.numPassedTests;
// A file that could not be loaded has no tests to count: it counts as one failure.
const unloaded = report.testResults.filter((file) => file.status === "failed" && file.assertionResults.length === 0).length;
const failed = report.numFailedTests + unloaded;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
