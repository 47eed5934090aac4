import pg from 'pg';

/** OIDs of PostgreSQL's pg_type that are read otherwise than pg does. */
const bigint = 20;
const date = 1082;

/** How columns become values: bigint as `bigint`, like int64 in messages; a date as its text, for it has no time zone. */
export const columnTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid, format) => {
    if (format !== 'binary') {
      if (oid === bigint) return BigInt;
      if (oid === date) return String;
    }
    return pg.types.getTypeParser(oid, format);
  },
};
