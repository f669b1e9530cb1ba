package org.vcpusim.kvm;

/**
 * One of the two 8259 interrupt controllers.
 *
 * <p>Source: {@code struct kvm_kpic_state}, arch/x86/kvm/irq.h and i8259.c; Intel 8259A data sheet.
 *
 * @param lastIrr levels the inputs had, for edge detection
 * @param irr requested inputs
 * @param imr masked inputs
 * @param isr inputs in service
 * @param priorityAdd input with the highest priority
 * @param irqBase vector of input 0
 * @param initState next initialisation word expected, 0 when initialised
 * @param elcr level-triggered inputs
 * @param modes the {@link Mode}s that are on, as a bit mask
 */
record PicChip(
        int lastIrr, int irr, int imr, int isr, int priorityAdd, int irqBase, int initState, int elcr, int modes) {

    static final PicChip RESET = new PicChip(0, 0, 0, 0, 0, 0, 0, 0, 0);

    /** What can be on or off. */
    private enum Mode {
        /** A read of the command port returns ISR instead of IRR. */
        READ_ISR,
        /** The next read is a poll. */
        POLL,
        /** Special mask mode, stored only. */
        SPECIAL_MASK,
        AUTO_EOI,
        /** Rotate priorities on automatic EOI. */
        ROTATE_ON_AUTO_EOI,
        SPECIAL_FULLY_NESTED,
        /** The fourth initialisation word is expected. */
        INIT4;

        int bit() {
            return 1 << ordinal();
        }
    }

    private boolean has(Mode mode) {
        return (modes & mode.bit()) != 0;
    }

    /** The mode is on if {@code bits} is not 0. */
    private PicChip with(Mode mode, int bits) {
        int other = bits == 0 ? modes & ~mode.bit() : modes | mode.bit();
        return new PicChip(lastIrr, irr, imr, isr, priorityAdd, irqBase, initState, elcr, other);
    }

    boolean readIsr() {
        return has(Mode.READ_ISR);
    }

    boolean poll() {
        return has(Mode.POLL);
    }

    boolean autoEoi() {
        return has(Mode.AUTO_EOI);
    }

    boolean specialFullyNested() {
        return has(Mode.SPECIAL_FULLY_NESTED);
    }

    static final int NO_PRIORITY = 8;

    /** How far from the highest priority the first input of {@code mask} is, or 8 where it is empty. */
    int priorityOf(int mask) {
        if (mask == 0) {
            return NO_PRIORITY;
        }
        int priority = 0;
        while ((mask & 1 << (priority + priorityAdd & 7)) == 0) {
            priority++;
        }
        return priority;
    }

    /** The input at {@code priority}, 0 to 7. */
    int inputAt(int priority) {
        return priority + priorityAdd & 7;
    }

    /** The input that should interrupt now, or -1; {@code ignored} are inputs whose service does not count. */
    int pendingInput(int ignored) {
        int priority = priorityOf(irr & ~imr);
        boolean higher = priority < priorityOf(isr & ~ignored);
        return priority < NO_PRIORITY && higher ? inputAt(priority) : -1;
    }

    /** What {@code input} going to {@code level} returns: -1 masked, 0 coalesced, 1 taken. */
    int lineResult(int input, int level) {
        int bit = 1 << input;
        boolean requestedBefore = (irr & bit) != 0;
        boolean rises = level != 0 && ((elcr & bit) != 0 || (lastIrr & bit) == 0);
        if ((imr & bit) != 0) {
            return -1;
        }
        return rises && requestedBefore ? 0 : 1;
    }

    PicChip withLine(int input, int level) {
        int bit = 1 << input;
        if ((elcr & bit) != 0) {
            return level != 0 ? withLines(lastIrr | bit, irr | bit) : withLines(lastIrr & ~bit, irr & ~bit);
        }
        if (level == 0) {
            return withLines(lastIrr & ~bit, irr);
        }
        return withLines(lastIrr | bit, (lastIrr & bit) == 0 ? irr | bit : irr);
    }

    PicChip acknowledged(int input) {
        int bit = 1 << input;
        int requested = (elcr & bit) == 0 ? irr & ~bit : irr;
        PicChip taken = withService(requested, isr | bit);
        if (!autoEoi()) {
            return taken;
        }
        PicChip rotated = has(Mode.ROTATE_ON_AUTO_EOI) ? taken.withPriorityAdd(input + 1 & 7) : taken;
        return rotated.withService(rotated.irr, rotated.isr & ~bit);
    }

    PicChip ended(int input) {
        return withService(irr, isr & ~(1 << input));
    }

    /** After the first initialisation word {@code value}. */
    PicChip initialised(int value) {
        int four = value & 1;
        PicChip restarted = new PicChip(0, irr & elcr, 0, isr, 0, irqBase, 1, elcr, modes)
                .with(Mode.INIT4, four)
                .with(Mode.READ_ISR, 0)
                .with(Mode.SPECIAL_MASK, 0);
        return four != 0 ? restarted : restarted.with(Mode.AUTO_EOI, 0).with(Mode.SPECIAL_FULLY_NESTED, 0);
    }

    PicChip withLines(int last, int requested) {
        return new PicChip(last, requested, imr, isr, priorityAdd, irqBase, initState, elcr, modes);
    }

    PicChip withService(int requested, int inService) {
        return new PicChip(lastIrr, requested, imr, inService, priorityAdd, irqBase, initState, elcr, modes);
    }

    PicChip withPriorityAdd(int input) {
        return new PicChip(lastIrr, irr, imr, isr, input, irqBase, initState, elcr, modes);
    }

    PicChip withImr(int mask) {
        return new PicChip(lastIrr, irr, mask, isr, priorityAdd, irqBase, initState, elcr, modes);
    }

    PicChip withElcr(int levels) {
        return new PicChip(lastIrr, irr, imr, isr, priorityAdd, irqBase, initState, levels, modes);
    }

    /** After an operation command word 3 {@code value}. */
    PicChip commanded3(int value) {
        PicChip polled = (value & 4) != 0 ? with(Mode.POLL, 1) : this;
        PicChip read = (value & 2) != 0 ? polled.with(Mode.READ_ISR, value & 1) : polled;
        return (value & 0x40) != 0 ? read.with(Mode.SPECIAL_MASK, value & 0x20) : read;
    }

    PicChip withRotateOnAutoEoi(int command) {
        return with(Mode.ROTATE_ON_AUTO_EOI, command >> 2);
    }

    PicChip polled() {
        return with(Mode.POLL, 0);
    }

    /** After an initialisation word 2, 3 or 4, as {@code initState} says. */
    PicChip initialisationWord(int value) {
        return switch (initState) {
            case 1 -> atInit(2, value & 0xf8);
            case 2 -> atInit(has(Mode.INIT4) ? 3 : 0, irqBase);
            default -> atInit(0, irqBase).with(Mode.AUTO_EOI, value & 2).with(Mode.SPECIAL_FULLY_NESTED, value & 0x10);
        };
    }

    private PicChip atInit(int state, int base) {
        return new PicChip(lastIrr, irr, imr, isr, priorityAdd, base, state, elcr, modes);
    }
}
