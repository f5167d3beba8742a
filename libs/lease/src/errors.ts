export type LeaseFailure =
  | { readonly code: "leaseNotFound"; readonly leaseId: bigint }
  | { readonly code: "leaseExists"; readonly leaseId: bigint }
  | { readonly code: "leaseTtlTooLarge"; readonly ttlSeconds: number }
  /** Only the leader's lessor renews and expires. */
  | { readonly code: "notPrimary" };

/** `message` is etcd's own text, which clients match. Callers branch on `failure.code`. */
export class LeaseError extends Error {
  override readonly name = "LeaseError";
  readonly failure: LeaseFailure;

  constructor(failure: LeaseFailure, options?: ErrorOptions) {
    super(etcdErrors[failure.code].text, options);
    this.failure = failure;
  }

  get grpcStatus(): number {
    return etcdErrors[this.failure.code].grpcStatus;
  }
}

/** Source: etcd api/v3rpc/rpctypes/error.go. */
const etcdErrors: Readonly<Record<LeaseFailure["code"], { readonly grpcStatus: number; readonly text: string }>> = {
  leaseNotFound: { grpcStatus: 5, text: "etcdserver: requested lease not found" },
  leaseExists: { grpcStatus: 9, text: "etcdserver: lease already exists" },
  leaseTtlTooLarge: { grpcStatus: 11, text: "etcdserver: too large lease TTL" },
  notPrimary: { grpcStatus: 9, text: "etcdserver: not leader" },
};
