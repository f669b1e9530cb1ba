package org.vcpusim.kvm;

import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * The tasks a VM is busy with, and who holds {@code ioapic->lock}. A VM of a thousand vCPUs may have as many tasks, each step of which
 * makes another one of these: an array of them is copied, and searched by halves.
 */
final class VmTasks {
    static final VmTasks NONE = new VmTasks(0, new VmTask[0], 0, List.of());

    private final int started;
    /** Not finished, oldest first, so that their ids ascend. */
    private final VmTask[] running;

    private final int lockOwner;
    private final List<Integer> lockWaiters;

    private VmTasks(int started, VmTask[] running, int lockOwner, List<Integer> lockWaiters) {
        this.started = started;
        this.running = running;
        this.lockOwner = lockOwner;
        this.lockWaiters = lockWaiters;
    }

    /** How many tasks there have been: the id of the latest. */
    int started() {
        return started;
    }

    /** How many are not finished. */
    int runningCount() {
        return running.length;
    }

    /** Id of the task that holds the lock, or 0. */
    int lockOwner() {
        return lockOwner;
    }

    /** Ids of the tasks that wait for the lock, first come first served as a queued spinlock does. */
    List<Integer> lockWaiters() {
        return lockWaiters;
    }

    VmTask get(int id) {
        int place = place(id);
        if (place < 0) {
            throw new IllegalStateException("task " + id + " is not running");
        }
        return running[place];
    }

    boolean isRunning(int id) {
        return place(id) >= 0;
    }

    /** Where task {@code id} is; negative if it is not running. */
    private int place(int id) {
        int low = 0;
        int high = running.length - 1;
        while (low <= high) {
            int middle = low + high >>> 1;
            int found = running[middle].id();
            if (found == id) {
                return middle;
            }
            if (found < id) {
                low = middle + 1;
            } else {
                high = middle - 1;
            }
        }
        return -1;
    }

    VmTasks start(VmStep first) {
        VmTask[] more = Arrays.copyOf(running, running.length + 1);
        more[running.length] = VmTask.of(started + 1, first);
        return new VmTasks(started + 1, more, lockOwner, lockWaiters);
    }

    /** With {@code task} in place of what it was; the same if it is not running. */
    VmTasks with(VmTask task) {
        int place = place(task.id());
        if (place < 0) {
            return this;
        }
        VmTask[] changed = running.clone();
        changed[place] = task;
        return new VmTasks(started, changed, lockOwner, lockWaiters);
    }

    VmTasks without(int id) {
        int place = place(id);
        if (place < 0) {
            return this;
        }
        VmTask[] others = Arrays.copyOf(running, running.length - 1);
        System.arraycopy(running, place + 1, others, place, others.length - place);
        return new VmTasks(started, others, lockOwner, lockWaiters);
    }

    VmTasks withLock(int owner, List<Integer> waiters) {
        return new VmTasks(started, running, owner, List.copyOf(waiters));
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof VmTasks that
                && started == that.started
                && lockOwner == that.lockOwner
                && Arrays.equals(running, that.running)
                && lockWaiters.equals(that.lockWaiters);
    }

    @Override
    public int hashCode() {
        return Objects.hash(started, Arrays.hashCode(running), lockOwner, lockWaiters);
    }
}
