import { type Override, refusalWords } from '@weft/compiler/model/override';
import { effectWords } from '@weft/compiler/model/override-effect';
import { z } from 'zod';

/** What there is to say of one aspect of a resource, by the rules of metav1.Condition. */
export interface Condition {
  readonly type: 'Accepted' | 'Active';
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

const conditionsSchema = z.looseObject({
  status: z
    .looseObject({
      conditions: z
        .array(
          z.looseObject({
            type: z.string(),
            status: z.string(),
            reason: z.string().nullish(),
            message: z.string().nullish(),
            observedGeneration: z.number().nullish(),
          }),
        )
        .nullish(),
    })
    .nullish(),
  metadata: z.looseObject({ generation: z.number().nullish() }),
});

/** Whether a resource was understood. `messages`: what was not. */
export function accepted(messages: readonly string[]): Condition {
  const isWhole = messages.length === 0;
  const message = messages.join('\n').slice(0, 32_000);
  return { type: 'Accepted', status: isWhole ? 'True' : 'False', reason: isWhole ? 'Accepted' : 'Problems', message };
}

const reasons = { active: 'Holds', ended: 'Ended', refused: 'Refused' } as const;

/** Whether an override holds. */
export function active({ state, effects, refusals, expiresMs, reason, by }: Override): Condition {
  const until = expiresMs === undefined ? 'it is removed' : new Date(expiresMs).toISOString();
  const holds = `${effects.map(effectWords).join(', ')}, until ${until}${reason ? `; why: ${reason}` : ''}${by ? ` (${by})` : ''}`;
  const said = state === 'active' ? [holds] : state === 'ended' ? [`it has ended by itself, at ${until}`] : [];
  return {
    type: 'Active',
    status: state === 'active' ? 'True' : 'False',
    reason: reasons[state],
    message: [...said, ...refusals.map(refusalWords)].join('; ').slice(0, 32_000),
  };
}

/** What an object's conditions are to become. */
export interface ConditionChange {
  /** All of them, those of others included. */
  readonly conditions: readonly object[];
  /** Those whose status or reason is another than before. */
  readonly turned: readonly Condition[];
}

/** The change that makes an object say `wanted`; undefined: it does already, or it is no object of Kubernetes. */
export function conditionChange(
  object: unknown,
  wanted: readonly Condition[],
  nowMs: number,
): ConditionChange | undefined {
  const read = conditionsSchema.safeParse(object);
  if (!read.success) return undefined;
  const observedGeneration = read.data.metadata.generation ?? 0;
  const known = read.data.status?.conditions ?? [];
  const lastTransitionTime = `${new Date(nowMs).toISOString().slice(0, -5)}Z`;
  const turned: Condition[] = [];
  let isSame = true;
  const fresh = wanted.map((condition) => {
    const { type, status, reason, message } = condition;
    const before = known.find((each) => each.type === type);
    if (before?.status !== status || before.reason !== reason) turned.push(condition);
    isSame &&=
      before?.status === status &&
      before.reason === reason &&
      (before.message ?? '') === message &&
      before.observedGeneration === observedGeneration;
    // An aspect that stays has the date of its beginning.
    return before?.status === status
      ? { ...before, ...condition, observedGeneration }
      : { ...condition, observedGeneration, lastTransitionTime };
  });
  if (isSame) return undefined;
  const others = known.filter(({ type }) => !wanted.some((each) => each.type === type));
  return { conditions: [...others, ...fresh], turned };
}
