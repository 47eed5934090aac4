import '@weft/service-kit/telemetry';
import { serve } from '@weft/service-kit';
import { ovenService } from './oven-service.ts';

await serve({ name: '__package__.oven', services: [ovenService()] });
