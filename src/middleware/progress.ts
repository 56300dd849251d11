import {
  Meter,
  ReportedContent,
  ReportedSource,
  type ProgressListener,
} from '../messages/progress.ts';
import type { BodySource } from '../messages/body-source.ts';
import type { Request } from '../messages/request.ts';
import type { Response } from '../messages/response.ts';
import { Middleware } from '../transport.ts';

declare module '../messages/request.ts' {
  interface RequestExtensions {
    /**
     * Told how far the body of the request has come: at its beginning, at most every 100 ms, and at its end. With each attempt it begins
     * again. What it throws ends the request: a `WriteError` with that as its cause.
     */
    onUploadProgress?: ProgressListener | undefined;
    /**
     * Told how far the body of the response has come, as it is read: at its beginning, at most every 100 ms, and at its end. Of responses
     * that are not handed out (a redirect, a failed attempt) nothing is told. What it throws ends the response, and is what reading rejects with.
     */
    onDownloadProgress?: ProgressListener | undefined;
  }
}

/** Tells the listeners that a request brings how far its body, and that of its response, have come. Without them it does nothing. */
export class ProgressMiddleware extends Middleware {
  override get dormant(): boolean {
    return true;
  }

  send(request: Request): Promise<Response> {
    const { onUploadProgress, onDownloadProgress } = request.extensions;
    if (onUploadProgress === undefined && onDownloadProgress === undefined)
      return this.next.send(request);
    return this.#sendReported(request, onUploadProgress, onDownloadProgress);
  }

  async #sendReported(
    request: Request,
    onUpload: ProgressListener | undefined,
    onDownload: ProgressListener | undefined,
  ): Promise<Response> {
    checkListener('onUploadProgress', onUpload);
    checkListener('onDownloadProgress', onDownload);
    const { content } = request;
    const response = await this.next.send(
      onUpload === undefined || content === null
        ? request
        : request.with({ body: new ReportedContent(content, onUpload) }),
    );
    return onDownload === undefined ? response : await reported(response, onDownload);
  }
}

async function reported(response: Response, listener: ProgressListener): Promise<Response> {
  try {
    if (response.isRead) {
      const transferred = response.bytesDownloaded;
      new Meter(listener, transferred).end(transferred);
      return response;
    }
    const meter = new Meter(listener, lengthOf(response));
    meter.begin(response.bytesDownloaded);
    return response.with({ body: new ReportedSource(response.detach() as BodySource, meter) });
  } catch (error) {
    await response.close();
    throw error;
  }
}

/** What the body will be on the wire, where the head says that. */
function lengthOf({ headers }: Response): number | undefined {
  const length = headers.get('content-length');
  return length === null || headers.has('transfer-encoding') || !/^\d+$/.test(length)
    ? undefined
    : Number(length);
}

function checkListener(option: string, listener: unknown): void {
  if (listener !== undefined && typeof listener !== 'function')
    throw new TypeError(`${option}: expected a function, got ${typeof listener}`);
}
