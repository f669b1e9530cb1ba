package org.vcpusim.kvm;

import java.util.ArrayList;
import java.util.List;

/**
 * The tasks a VM is busy with, and who holds {@code ioapic->lock}.
 *
 * @param started how many tasks there have been
 * @param running tasks that are not finished, oldest first
 * @param lockOwner id of the task that holds the lock, or 0
 * @param lockWaiters ids of the tasks that wait for it, first come first served as a queued spinlock does
 */
record VmTasks(int started, List<VmTask> running, int lockOwner, List<Integer> lockWaiters) {
    static final VmTasks NONE = new VmTasks(0, List.of(), 0, List.of());

    VmTasks {
        running = List.copyOf(running);
        lockWaiters = List.copyOf(lockWaiters);
    }

    VmTask get(int id) {
        for (int i = 0; i < running.size(); i++) {
            if (running.get(i).id() == id) {
                return running.get(i);
            }
        }
        throw new IllegalStateException("task " + id + " is not running");
    }

    boolean isRunning(int id) {
        return running.stream().anyMatch(task -> task.id() == id);
    }

    VmTasks start(VmStep first) {
        List<VmTask> more = new ArrayList<>(running);
        more.add(VmTask.of(started + 1, first));
        return new VmTasks(started + 1, more, lockOwner, lockWaiters);
    }

    VmTasks with(VmTask task) {
        if (running.size() == 1 && running.get(0).id() == task.id()) {
            return new VmTasks(started, List.of(task), lockOwner, lockWaiters);
        }
        List<VmTask> changed = new ArrayList<>(running.size());
        for (VmTask each : running) {
            changed.add(each.id() == task.id() ? task : each);
        }
        return new VmTasks(started, changed, lockOwner, lockWaiters);
    }

    VmTasks without(int id) {
        List<VmTask> others = new ArrayList<>(running);
        others.removeIf(each -> each.id() == id);
        return new VmTasks(started, others, lockOwner, lockWaiters);
    }

    VmTasks withLock(int owner, List<Integer> waiters) {
        return new VmTasks(started, running, owner, waiters);
    }
}
