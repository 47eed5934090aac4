import { BreadService } from '@__project__/bread-contract/v1';
import type { OvenService } from '@__project__/oven-contract/v1';
import { randomUUID } from 'node:crypto';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';
import { Code } from '@connectrpc/connect';
import { type Client, type Database, implement, ServiceError, type ServiceImplementation } from '@weft/service-kit';

/** The services that bread calls. */
export interface Callees {
  readonly oven: Client<typeof OvenService>;
}

interface LoafRow {
  readonly loaf_id: string;
  readonly flour: string;
  readonly crust: string;
  readonly baked_at: Date;
}

/** __package__.bread.v1.BreadService on the loaves of `db`. */
export function breadService(db: Database, callees: Callees): ServiceImplementation {
  return implement(BreadService, {
    async bakeLoaf({ flour }) {
      // The call carries the deadline and the trace of the incoming call.
      const { crust } = await callees.oven.bake({ flour });
      const { rows } = await db.query<LoafRow>(
        'insert into loaves (loaf_id, flour, crust) values ($1, $2, $3) returning *',
        [randomUUID(), flour, crust],
      );
      return { ...rows.map((row) => ({ loaf: loafOf(row) }))[0] };
    },
    async getLoaf({ loafId }) {
      const { rows } = await db.query<LoafRow>('select * from loaves where loaf_id = $1', [loafId]);
      const [row] = rows;
      if (row === undefined) throw new ServiceError(Code.NotFound, `bread: no loaf ${loafId}`);
      return { loaf: loafOf(row) };
    },
    async listLoaves() {
      const { rows } = await db.query<LoafRow>('select * from loaves order by baked_at desc limit 50');
      return { loaves: rows.map(loafOf) };
    },
  });
}

function loafOf(row: LoafRow) {
  return { loafId: row.loaf_id, flour: row.flour, crust: row.crust, bakedAt: timestampFromDate(row.baked_at) };
}
