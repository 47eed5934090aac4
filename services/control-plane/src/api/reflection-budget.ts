import type { WorkloadId } from '@weft/compiler/model/mesh';
import { GrpcError, grpcCode } from '@weft/service-kit/grpc';
import { AskerRates } from '../budget/asker-rates.ts';
import type { Rate } from '../budget/token-bucket.ts';

/** What reflection costs at most. */
export interface ReflectionLimits {
  /** The largest question, in bytes. Default: 4 KiB. */
  readonly maxQuestionBytes: number;
  /** Questions of one address at one replica of a gateway. Default: 50 a second, 500 at once. */
  readonly questions: Rate;
  /** Bytes of descriptors for one address at one replica of a gateway. Default: 1 MiB a second, 16 MiB at once. */
  readonly answerBytes: Rate;
  /** Questions at one replica of a gateway, of all addresses. Default: 200 a second, 2,000 at once. */
  readonly gatewayQuestions: Rate;
  /** Bytes of descriptors at one replica of a gateway, for all addresses. Default: 4 MiB a second, 64 MiB at once. */
  readonly gatewayAnswerBytes: Rate;
}

export const defaultReflectionLimits: ReflectionLimits = {
  maxQuestionBytes: 4 << 10,
  questions: { perSecond: 50, burst: 500 },
  answerBytes: { perSecond: 1 << 20, burst: 16 << 20 },
  gatewayQuestions: { perSecond: 200, burst: 2000 },
  gatewayAnswerBytes: { perSecond: 4 << 20, burst: 64 << 20 },
};

/** Who asks: an address outside, through a replica of a gateway. */
export interface ReflectionAsker {
  readonly gateway: WorkloadId;
  readonly address: string;
}

/** What each asker may have of reflection. Each method throws a `GrpcError` (RESOURCE_EXHAUSTED) when that is over. */
export class ReflectionBudget {
  readonly limits: ReflectionLimits;
  readonly #onExceeded: ((gateway: WorkloadId, message: string) => void) | undefined;
  readonly #questions: AskerRates;
  readonly #bytes: AskerRates;
  readonly #gatewayQuestions: AskerRates;
  readonly #gatewayBytes: AskerRates;

  constructor(options: {
    /** Default: `defaultReflectionLimits`. */
    readonly limits?: Partial<ReflectionLimits>;
    readonly onExceeded?: (gateway: WorkloadId, message: string) => void;
  }) {
    this.limits = { ...defaultReflectionLimits, ...options.limits };
    this.#onExceeded = options.onExceeded;
    this.#questions = new AskerRates(this.limits.questions);
    this.#bytes = new AskerRates(this.limits.answerBytes);
    this.#gatewayQuestions = new AskerRates(this.limits.gatewayQuestions);
    this.#gatewayBytes = new AskerRates(this.limits.gatewayAnswerBytes);
  }

  /** Looks at a question before it is decoded. */
  checkSize(bytes: number): void {
    const { maxQuestionBytes } = this.limits;
    if (bytes <= maxQuestionBytes) return;
    const message = `reflection: a question of ${bytes} bytes must have at most ${maxQuestionBytes}`;
    throw new GrpcError(grpcCode.resourceExhausted, message);
  }

  /** Takes one question. */
  takeQuestion(asker: ReflectionAsker, bytes: number): void {
    this.checkSize(bytes);
    const { questions, gatewayQuestions } = this.limits;
    const { gateway } = asker;
    if (!this.#questions.take(nameOf(asker), 1))
      this.#refuse(gateway, `${questions.perSecond} questions`, 'one address');
    if (!this.#gatewayQuestions.take(gateway, 1)) {
      this.#refuse(gateway, `${gatewayQuestions.perSecond} questions`, 'all addresses');
    }
  }

  /** Takes the bytes of one answer. */
  takeAnswer(asker: ReflectionAsker, bytes: number): void {
    const { answerBytes, gatewayAnswerBytes } = this.limits;
    const { gateway } = asker;
    // Files that are larger than the budget can be had, once for each time that it is full.
    const counted = Math.min(bytes, answerBytes.burst);
    if (!this.#bytes.take(nameOf(asker), counted))
      this.#refuse(gateway, `${answerBytes.perSecond} bytes`, 'one address');
    if (!this.#gatewayBytes.take(gateway, Math.min(bytes, gatewayAnswerBytes.burst))) {
      this.#refuse(gateway, `${gatewayAnswerBytes.perSecond} bytes`, 'all addresses');
    }
  }

  #refuse(gateway: WorkloadId, rate: string, of: string): never {
    const message = `reflection: ${of} may have at most ${rate} a second; try again later`;
    this.#onExceeded?.(gateway, message);
    throw new GrpcError(grpcCode.resourceExhausted, message);
  }
}

function nameOf({ gateway, address }: ReflectionAsker): string {
  return `${gateway} ${address}`;
}
