// What tests need besides `MockTransport` and `AppTransport`. It stands apart, so that programs do not load it.

export { RecordMiddleware, type RecordOptions } from './middleware/record.ts';
export { ReplayError, ReplayTransport, type ReplayOptions } from './transports/replay.ts';
export { useCassette, type TestContext, type UseCassetteOptions } from './use-cassette.ts';
export type { CassetteMode } from './cassette/mode.ts';
export type { MatchFunction, MatchPart, MatchRules } from './cassette/matching.ts';
export type { RecordedRequest } from './cassette/recorded-request.ts';
export type { RedactOptions } from './cassette/redaction.ts';
