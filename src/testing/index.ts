export { type FakeClock, fakeClock } from "./fake-clock.ts";
export { type SinkCase, type SinkPlace, type SinkSuite, sinkConformance, type TargetState } from "./sink-conformance.ts";
export { type StoreCase, type StorePlace, type StoreSuite, storeConformance } from "./store-conformance.ts";
export { type TestApp, type TestSetup, testApp } from "./test-app.ts";
