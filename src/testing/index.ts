export { type StoreCase, type StorePlace, type StoreSuite, storeConformance } from "./store-conformance.ts";
