import Type, { type TInteger, type TObject, type TOptional } from "typebox";

/** No parameters, no query or an empty body. */
export const NOTHING: TObject<{}> = Type.Object({}, { additionalProperties: false });

/** How long a page may be. */
export const LIMIT: TOptional<TInteger> = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 1000, description: "How many at most; 100 if absent." }),
);
