import { storeSuite } from '../contract-suite.ts'
import { inOneThread, inTwoThreads } from '../testing/rooms.ts'

storeSuite('sqlite store, writer in the same thread', inOneThread)
storeSuite('sqlite store, writer in its own thread', inTwoThreads)
