import { OvenService } from '@__project__/oven-contract/v1';
import { implement, type ServiceImplementation } from '@weft/service-kit';

/** __package__.oven.v1.OvenService. */
export function ovenService(): ServiceImplementation {
  return implement(OvenService, {
    bake({ flour }) {
      return { crust: flour === 'rye' ? 'dark and crisp' : 'golden', minutes: flour === 'rye' ? 55 : 35 };
    },
  });
}
