/** The error codes of the Events extension. They may still move: here and nowhere else. */
export const CODES = { notFound: -32011, forbidden: -32012, exhausted: -32013, unsupported: -32014, callback: -32015 } as const;

/** Those by HTTP status that differ from JSON-RPC's. */
export const BY_STATUS: Readonly<Record<number, number>> = { 401: CODES.forbidden, 403: CODES.forbidden };
