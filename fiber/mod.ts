/**
 * Fibers: straight-line code over the loop.
 *
 * @module
 */

export { Fiber, type FiberOptions, spawn } from "./fiber.ts";
export type { FiberStatus } from "./fiber_status.ts";
export { FiberLocal } from "./fiber_local.ts";
export { run } from "./run.ts";
export { main, type MainOptions } from "./main.ts";
export { sleep } from "./sleep.ts";
export { suspend } from "./suspend.ts";
export { yieldNow } from "./yield_now.ts";
export { settled } from "./settled.ts";
export { until } from "./until.ts";
export { cancelWait } from "./cancel_wait.ts";
export { checkInterrupted, isInterruption } from "./interruption.ts";
export { shield } from "./shield.ts";
export { TimeoutError, TimeoutScope, timeoutScope, withTimeout } from "./timeout_scope.ts";
export { all, allSettled, any, race } from "./all.ts";
export { type Scope, scope } from "./scope.ts";
export { loopNested, runNested } from "./nested.ts";
export type { ConnectAddress, OpenSocket } from "./address.ts";
export { connect } from "./connect.ts";
export { connectTls, type ConnectTlsOptions } from "./connect_tls.ts";
export { Connection } from "./connection.ts";
export { type Datagram, type DatagramOptions, DatagramSocket, openDatagram } from "./datagram_socket.ts";
export { listen, Listener, type ListenOptions } from "./listener.ts";
export { readFile, type ReadFileOptions, readTextFile, writeFile, type WriteFileOptions } from "./file.ts";
export { listenTls, type ListenTlsOptions } from "./listen_tls.ts";
export { type CommandOptions, output, Process, spawnProcess, type Stdio } from "./process.ts";
export type { FairOptions, PrimitiveOptions } from "./primitive.ts";
export type { Overflow } from "./channel_core.ts";
export { type ChannelStatistics, ItemChannel } from "./item_channel.ts";
export { Channel, type ChannelOptions } from "./channel.ts";
export { PriorityChannel, type PriorityChannelOptions } from "./priority_channel.ts";
export { Broadcast, type BroadcastOptions, type BroadcastStatistics, Subscription, type SubscriptionStatistics } from "./broadcast.ts";
export { Watch, type WatchStatistics, WatchSubscription, type WatchSubscriptionStatistics } from "./watch.ts";
export { ReceiveFuture } from "./receive_future.ts";
export { Receiver } from "./receiver.ts";
export { Mutex, type MutexStatistics } from "./mutex.ts";
export { Permits, Semaphore, type SemaphoreStatistics } from "./semaphore.ts";
export { Condition, type ConditionStatistics } from "./condition.ts";
export { RwLock, type RwLockStatistics } from "./rw_lock.ts";
export { Barrier, type BarrierStatistics } from "./barrier.ts";
export { WaitGroup, type WaitGroupStatistics } from "./wait_group.ts";
export { Once, type OnceStatistics } from "./once.ts";
export { Gate, type GateOptions, type GateStatistics } from "./gate.ts";
export type { PollEntry } from "./poll.ts";
export type { SelectableOperation } from "./wait_operation.ts";
export { type Chosen, select, type Selectable, type SelectOptions } from "./select.ts";
