import type { HealthAnswer } from "../../../client/remote.ts";
import type { Glance } from "../../../stores/upkeep.ts";

/** What one check has found. */
export interface Finding {
  /** `fail`: it does not work so. `warn`: it works, and somebody should know. */
  readonly status: "ok" | "warn" | "fail";
  readonly says: string;
  /** What to do. */
  readonly todo?: string;
}

/** What the checks look at; what could not be had is the error that says why. */
export interface Patient {
  readonly file: string;
  /** The folder of the file; while that is not there, the nearest one above it that is. */
  readonly folder: string;
  readonly glance: Glance | Error;
  readonly url: string;
  readonly health: HealthAnswer | Error;
  readonly now: number;
}

export type Check = (patient: Patient) => Finding | Promise<Finding>;

export function ok(says: string): Finding {
  return { status: "ok", says };
}

export function warn(says: string, todo: string): Finding {
  return { status: "warn", says, todo };
}

export function fail(says: string, todo: string): Finding {
  return { status: "fail", says, todo };
}
