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
 * @param readIsr whether a read of the command port returns ISR instead of IRR
 * @param poll the next read is a poll
 * @param specialMask special mask mode, stored only
 * @param initState next initialisation word expected, 0 when initialised
 * @param autoEoi automatic end of interrupt
 * @param rotateOnAutoEoi rotate priorities on automatic EOI
 * @param specialFullyNested special fully nested mode
 * @param init4 the fourth initialisation word is expected
 * @param elcr level-triggered inputs
 */
record PicChip(
        int lastIrr,
        int irr,
        int imr,
        int isr,
        int priorityAdd,
        int irqBase,
        boolean readIsr,
        boolean poll,
        boolean specialMask,
        int initState,
        boolean autoEoi,
        boolean rotateOnAutoEoi,
        boolean specialFullyNested,
        boolean init4,
        int elcr) {

    static final PicChip RESET = new PicChip(0, 0, 0, 0, 0, 0, false, false, false, 0, false, false, false, false, 0);

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
        if (!autoEoi) {
            return taken;
        }
        PicChip rotated = rotateOnAutoEoi ? taken.withPriorityAdd(input + 1 & 7) : taken;
        return rotated.withService(rotated.irr, rotated.isr & ~bit);
    }

    PicChip ended(int input) {
        return withService(irr, isr & ~(1 << input));
    }

    /** After the first initialisation word {@code value}. */
    PicChip initialised(int value) {
        boolean four = (value & 1) != 0;
        return new PicChip(
                0,
                irr & elcr,
                0,
                isr,
                0,
                irqBase,
                false,
                poll,
                false,
                1,
                four && autoEoi,
                rotateOnAutoEoi,
                four && specialFullyNested,
                four,
                elcr);
    }

    PicChip withLines(int last, int requested) {
        return new PicChip(
                last,
                requested,
                imr,
                isr,
                priorityAdd,
                irqBase,
                readIsr,
                poll,
                specialMask,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }

    PicChip withService(int requested, int inService) {
        return new PicChip(
                lastIrr,
                requested,
                imr,
                inService,
                priorityAdd,
                irqBase,
                readIsr,
                poll,
                specialMask,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }

    PicChip withPriorityAdd(int input) {
        return new PicChip(
                lastIrr,
                irr,
                imr,
                isr,
                input,
                irqBase,
                readIsr,
                poll,
                specialMask,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }

    PicChip withImr(int mask) {
        return new PicChip(
                lastIrr,
                irr,
                mask,
                isr,
                priorityAdd,
                irqBase,
                readIsr,
                poll,
                specialMask,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }

    PicChip withElcr(int levels) {
        return new PicChip(
                lastIrr,
                irr,
                imr,
                isr,
                priorityAdd,
                irqBase,
                readIsr,
                poll,
                specialMask,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                levels);
    }

    /** After an operation command word 3 {@code value}. */
    PicChip commanded3(int value) {
        boolean isr2 = (value & 2) != 0 ? (value & 1) != 0 : readIsr;
        boolean special = (value & 0x40) != 0 ? (value & 0x20) != 0 : specialMask;
        return new PicChip(
                lastIrr,
                irr,
                imr,
                isr,
                priorityAdd,
                irqBase,
                isr2,
                poll || (value & 4) != 0,
                special,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }

    PicChip withRotateOnAutoEoi(int command) {
        return new PicChip(
                lastIrr,
                irr,
                imr,
                isr,
                priorityAdd,
                irqBase,
                readIsr,
                poll,
                specialMask,
                initState,
                autoEoi,
                command >> 2 != 0,
                specialFullyNested,
                init4,
                elcr);
    }

    PicChip polled() {
        return new PicChip(
                lastIrr,
                irr,
                imr,
                isr,
                priorityAdd,
                irqBase,
                readIsr,
                false,
                specialMask,
                initState,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }

    /** After an initialisation word 2, 3 or 4, as {@code initState} says. */
    PicChip initialisationWord(int value) {
        return switch (initState) {
            case 1 -> atInit(2, value & 0xf8);
            case 2 -> atInit(init4 ? 3 : 0, irqBase);
            default ->
                new PicChip(
                        lastIrr,
                        irr,
                        imr,
                        isr,
                        priorityAdd,
                        irqBase,
                        readIsr,
                        poll,
                        specialMask,
                        0,
                        (value & 2) != 0,
                        rotateOnAutoEoi,
                        (value & 0x10) != 0,
                        init4,
                        elcr);
        };
    }

    private PicChip atInit(int state, int base) {
        return new PicChip(
                lastIrr,
                irr,
                imr,
                isr,
                priorityAdd,
                base,
                readIsr,
                poll,
                specialMask,
                state,
                autoEoi,
                rotateOnAutoEoi,
                specialFullyNested,
                init4,
                elcr);
    }
}
