declare module "parse-prometheus-text-format" {
  /** Its own words for what it reads. */
  export default function parse(text: string): {
    name: string;
    help: string;
    type: string;
    metrics: { value: string; labels?: Record<string, string> }[];
  }[];
}
