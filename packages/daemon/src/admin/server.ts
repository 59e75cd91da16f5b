/**
 * The admin API: HTTP on a unix socket that only its owner can open (0600 in a 0700 directory). Reads are GET, changes are POST. Every answer, errors
 * included, is JSON with a `schemaVersion`. Bounded: connections, body, header and request time.
 */

import { rmSync } from 'node:fs'
import { SluiceError } from '@sluice/core'
import { stateError } from '@sluice/runtime'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { fastify } from 'fastify'
import { finite, SCHEMA_VERSION } from '../cli/output.ts'
import { versions } from '../version.ts'
import type { AdminFace } from './face.ts'
import { BadRequest, banOf, subjectOf, targetOf, topOf, whoOf } from './requests.ts'

export const ADMIN_CONNECTIONS_MAX = 64
export const ADMIN_BODY_BYTES_MAX: number = 64 * 1024
export const ADMIN_REQUEST_MS_MAX = 10_000

export interface AdminServer {
  /** Ends open connections too. Idempotent. */
  close(): Promise<void>
}

/** Listens on `path`; what is there already is a left-over, because the caller holds the state directory's lock. */
export async function openAdmin(path: string, face: AdminFace): Promise<AdminServer> {
  const app = fastify({
    bodyLimit: ADMIN_BODY_BYTES_MAX,
    requestTimeout: ADMIN_REQUEST_MS_MAX,
    forceCloseConnections: true,
    logger: false,
    // A URL that cannot be decoded never reaches the error handler below.
    frameworkErrors: (error, _request, reply) => void problem(reply, statusOf(error), error.message),
  })
  app.removeContentTypeParser('text/plain')
  app.server.maxConnections = ADMIN_CONNECTIONS_MAX
  app.server.headersTimeout = ADMIN_REQUEST_MS_MAX
  app.setReplySerializer(payload => JSON.stringify(payload, finite))
  health(app, face)
  reads(app, face)
  changes(app, face)
  app.setNotFoundHandler((request, reply) => problem(reply, 404, `There is no ${request.method} ${request.url.slice(0, 200)}.`))
  app.setErrorHandler((error, _request, reply) => {
    const status = statusOf(error)
    const message = error instanceof Error ? error.message : String(error)
    return problem(reply, status, status >= 500 ? `Internal error: ${message}` : message)
  })
  // The mask makes the socket private from the instant it exists; a chmod afterwards would leave a gap.
  const maskBefore = process.umask(0o177)
  try {
    rmSync(path, { force: true })
    await app.listen({ path })
  } catch (error) {
    throw stateError('Cannot open the admin socket', path, error)
  } finally {
    process.umask(maskBefore)
  }
  return { close: () => app.close() }
}

function health(app: FastifyInstance, face: AdminFace): void {
  app.get('/livez', () => answer({ status: 'alive' }))
  app.get('/readyz', (_request, reply) => reply.code(face.phase() === 'ready' ? 200 : 503).send(answer({ status: face.phase() })))
  app.get('/version', () => answer(versions()))
}

function reads(app: FastifyInstance, face: AdminFace): void {
  app.get('/v1/status', () => answer(face.status()))
  app.get('/v1/resources', request => answer(face.resources(topOf(request.query))))
  app.get('/v1/explain', request => answer(face.explain(subjectOf(request.query))))
  app.get('/v1/bans', () => answer({ bans: face.bans() }))
}

function changes(app: FastifyInstance, face: AdminFace): void {
  app.post('/v1/ban', request => answer({ ban: face.ban(banOf(request.body), whoOf(request.headers['x-sluice-user'])) }))
  app.post('/v1/unban', (request, reply) => {
    const target = targetOf(request.body)
    if (!face.unban(target, whoOf(request.headers['x-sluice-user'])))
      return problem(reply, 404, `There is no ban on ${JSON.stringify(target)}.`)
    return answer({ target })
  })
}

function answer(value: object): object {
  return { schemaVersion: SCHEMA_VERSION, ...value }
}

function problem(reply: FastifyReply, status: number, message: string): FastifyReply {
  return reply.code(status).send(answer({ error: { status, message } }))
}

/** Ours, the engine's complaint about an argument, or what the framework says about a body that is no JSON, too long or of another type. */
function statusOf(error: unknown): number {
  if (error instanceof BadRequest) return error.statusCode
  if (SluiceError.is(error) && error.code === 'ERR_SLUICE_MISUSE') return 400
  const status: unknown = error instanceof Error && 'statusCode' in error ? error.statusCode : undefined
  return typeof status === 'number' && status >= 400 && status < 600 ? status : 500
}
