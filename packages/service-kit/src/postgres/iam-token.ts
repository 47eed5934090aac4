/** Who logs in where. */
export interface IamTokenOptions {
  readonly host: string;
  readonly port: number;
  readonly user: string;
}

/**
 * Passwords of Amazon RDS and Aurora by IAM: signed here with the credentials of the process (EKS Pod Identity, IRSA, or AWS' variables)
 * for AWS_REGION, good for 15 minutes, and needed only while a connection is made. The signer is an optional dependency, loaded with the
 * first token.
 *
 * See https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html.
 */
export function iamToken({ host, port, user }: IamTokenOptions): () => Promise<string> {
  // One signer: it keeps the credentials until they end.
  let signer: Promise<{ getAuthToken(): Promise<string> }> | undefined;
  const load = async () => {
    const { Signer } = await import('@aws-sdk/rds-signer');
    return new Signer({ hostname: host, port, username: user });
  };
  return async () => {
    signer ??= load();
    try {
      return await (await signer).getAuthToken();
    } catch (error) {
      // Missing credentials may come; what could not be loaded is asked for again as well.
      signer = undefined;
      throw error;
    }
  };
}
