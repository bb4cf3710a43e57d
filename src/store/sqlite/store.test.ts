import { storeSuite } from '../contract-suite.ts'
import { inOneThread } from '../testing/rooms.ts'

storeSuite('sqlite store, writer in the same thread', inOneThread)
