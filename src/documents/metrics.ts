import type { App } from "../app.ts";
import type { Health } from "../app-health.ts";
import type { ConsumerStatus } from "../delivery/consumer-status.ts";
import { COUNTED_BY_CODE, COUNTERS } from "../observability/counters.ts";
import { packageVersion } from "../observability/version.ts";

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly Sample[];
}

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [value: number, labels?: Labels];

/**
 * The numbers of this moment as Prometheus reads them: each is asked for now, of whoever has it.
 *
 * @see https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4
 */
export async function metrics(app: App): Promise<string> {
  const health = await app.health();
  const consumers = await (await app.consumers()).all();
  return [...ofProcess(), ...ofLog(app, health), ...ofWork(health), ...ofConsumers(consumers), ...ofCounters(health)].map(written).join("");
}

function ofProcess(): Metric[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    gauge("nexus_build_info", "The version of this package; always 1.", [1, { version: packageVersion() }]),
    gauge("process_resident_memory_bytes", "Memory of the process.", [rss]),
    gauge("process_heap_used_bytes", "Memory of its objects.", [heapUsed]),
    counter("process_cpu_seconds_total", "Time of processors that it has used.", [(user + system) / 1e6]),
    gauge("process_start_time_seconds", "When it was started.", [(Date.now() - process.uptime() * 1000) / 1000]),
  ];
}

function ofLog(app: App, { log, streams }: Health): Metric[] {
  return [
    gauge("nexus_ready", "Whether it takes calls.", [app.isReady ? 1 : 0]),
    gauge("nexus_log_head", "Sequence of the newest event.", [log.head]),
    gauge("nexus_log_floor", "Sequence up to which events are forgotten.", [log.floor]),
    gauge("nexus_feed_lag_events", "Events that are recorded, and that readers cannot get to yet.", [log.feedLag]),
    gauge("nexus_streams_open", "Streams and WebSockets that are open.", [streams ?? 0]),
  ];
}

function ofWork({ runs, sessions, handlers, schedules }: Health): Metric[] {
  const due = schedules.flatMap(({ name, nextAt }): Sample[] => (nextAt === undefined ? [] : [[nextAt / 1000, { schedule: name }]]));
  return [
    gauge("nexus_runs_unfinished", "Runs that have begun and not ended.", [runs.unfinished]),
    gauge("nexus_runs_here", "Those of them that this process executes.", [runs.here]),
    gauge("nexus_sessions_open", "Sessions that have not ended.", [sessions.open]),
    gauge("nexus_handlers_lag_events", "Events that the handler furthest behind has not got to.", [handlers.lag]),
    gauge("nexus_handlers_running", "Calls of handlers that have not ended.", [handlers.running]),
    gauge("nexus_schedule_due_seconds", "When a schedule is due next.", ...due),
  ];
}

function ofConsumers(all: readonly ConsumerStatus[]): Metric[] {
  const each = (value: (of: ConsumerStatus) => number): Sample[] => all.map((of) => [value(of), { consumer: of.name }]);
  return [
    gauge("nexus_consumer_lag_events", "Events of the log behind a consumer's place.", ...each(({ lag }) => lag)),
    gauge("nexus_consumer_dead_letters", "Its dead letters that are kept.", ...each(({ deadLetters }) => deadLetters)),
    gauge("nexus_consumer_retrying", "Events whose delivery has failed and is tried again.", ...each(({ retrying }) => retrying.length)),
    gauge(
      "nexus_consumer_status",
      "What a consumer does: active, paused, stopped or inactive; always 1.",
      ...all.map(({ name, status }): Sample => [1, { consumer: name, status }]),
    ),
    counter("nexus_consumer_delivered_total", "Events that it delivered.", ...each(({ totals }) => totals.delivered)),
    counter("nexus_consumer_failures_total", "Its tries that failed.", ...each(({ totals }) => totals.failures)),
    counter("nexus_consumer_lost_total", "Events that were forgotten before it got to them.", ...each(({ totals }) => totals.lost)),
  ];
}

function ofCounters({ counters }: Health): Metric[] {
  const plain = Object.entries(COUNTERS).map(([name, help]) => counter(`nexus_${name}_total`, help, [counters[name] ?? 0]));
  const byCode = Object.entries(COUNTED_BY_CODE).map(([family, help]) => {
    const of = Object.entries(counters).filter(([name]) => name.startsWith(`${family}_`));
    const samples = of.map(([name, value]): Sample => [value, { code: name.slice(family.length + 1).toUpperCase() }]);
    return counter(`nexus_${family}_total`, help, ...samples);
  });
  return [...plain, ...byCode];
}

function gauge(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, type: "gauge", help, samples };
}

function counter(name: string, help: string, ...samples: readonly Sample[]): Metric {
  return { name, type: "counter", help, samples };
}

function written({ name, type, help, samples }: Metric): string {
  const lines = samples.map(([value, labels]) => `${name}${labels === undefined ? "" : labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const each = Object.entries(labels).map(
    ([label, value]) => `${label}="${value.replaceAll(/[\\"\n]/g, (sign) => ESCAPES[sign] ?? sign)}"`,
  );
  return `{${each.join(",")}}`;
}

const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", '"': '\\"', "\n": "\\n" };
